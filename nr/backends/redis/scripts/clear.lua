-- NR.CLEAR. ARGV: writer, number, datasets ...

local field, refused = open('generation', writer, 'train_len', 'test_len')
if not field then return refused end
local before = made(field)
if before then return before end

local lengths = {train = tonumber(field[4]), test = tonumber(field[5])}
local pairs_, gone = {'nr', FORMAT}, {}
for i = 3, #ARGV do
  local name = ARGV[i]
  for slot = 0, (lengths[name] or 0) - 1 do gone[#gone + 1] = name .. ':' .. int(slot) end
  for _, part in ipairs({name .. '_len', '0', name .. '_bytes', '0'}) do
    pairs_[#pairs_ + 1] = part
  end
end
local reply = write(field, pairs_, #gone, 0)
for i = 1, #gone, 2000 do
  redis.call('HDEL', key, unpack(gone, i, math.min(i + 1999, #gone)))
end
return reply
