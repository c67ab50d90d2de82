-- NR.FORGET. ARGV: writer, number, id, version, then slots, the highest of each dataset first, and what is
-- there. What another client has moved or replaced meanwhile stays: the caller looks again. The
-- last sample takes the place of each that goes, as in the core (run/forget.c).

local field, refused = open('generation', writer, 'id', 'train_len', 'test_len', 'train_bytes',
                            'test_bytes', 'schema_revision')
if not field then return refused end
if field[4] ~= ARGV[3] then return {1, 0, 0} end
local before = made(field)
if before then return before end

local length = {train = tonumber(field[5]), test = tonumber(field[6])}
local bytes = {train = tonumber(field[7]), test = tonumber(field[8])}
if not (length.train and length.test and bytes.train and bytes.test) then
  return {'ERR invalid network: a damaged header'}
end
local moved, gone, count = {}, {}, 0 -- by slot

local function at(slot) return moved[slot] or redis.call('HGET', key, slot) end

for i = 5, #ARGV, 2 do
  local name, number = string.match(ARGV[i], '^(%a+):(%d+)$')
  if tonumber(number) < length[name] and at(ARGV[i]) == ARGV[i + 1] then
    local last = name .. ':' .. int(length[name] - 1)
    if last ~= ARGV[i] then moved[ARGV[i]] = at(last) end
    moved[last], gone[#gone + 1] = nil, last
    length[name], bytes[name] = length[name] - 1, bytes[name] - #ARGV[i + 1]
    count = count + 1
  end
end

local pairs_ = {'nr', FORMAT, 'version', ARGV[4], 'schema_revision', int((field[9] or 0) + 1),
                'train_len', int(length.train), 'test_len', int(length.test),
                'train_bytes', int(bytes.train), 'test_bytes', int(bytes.test)}
for slot, record in pairs(moved) do
  pairs_[#pairs_ + 1], pairs_[#pairs_ + 2] = slot, record
end
local reply = write(field, pairs_, count, 0)
redis.call('HDEL', key, 'background', 'checkpoint') -- as in clear.lua
for i = 1, #gone, 2000 do
  redis.call('HDEL', key, unpack(gone, i, math.min(i + 1999, #gone)))
end
return reply
