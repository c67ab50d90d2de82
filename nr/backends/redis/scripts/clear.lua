-- NR.CLEAR. ARGV: writer, number, version, datasets ... The rows that NR.EXPLAIN goes by are
-- samples, too: who has the weights looks again.

local field, refused = open('generation', writer, 'train_len', 'test_len', 'schema_revision')
if not field then return refused end
local before = made(field)
if before then return before end

local lengths = {train = tonumber(field[4]), test = tonumber(field[5])}
local pairs_, gone = {'nr', FORMAT, 'version', ARGV[3], 'schema_revision',
                      int((field[6] or 0) + 1)}, {}
for i = 4, #ARGV do
  local name = ARGV[i]
  for slot = 0, (lengths[name] or 0) - 1 do gone[#gone + 1] = name .. ':' .. int(slot) end
  for _, part in ipairs({name .. '_len', '0', name .. '_bytes', '0'}) do
    pairs_[#pairs_ + 1] = part
  end
end
local reply = write(field, pairs_, #gone, 0)
redis.call('HDEL', key, 'background', 'checkpoint')
for i = 1, #gone, 2000 do
  redis.call('HDEL', key, unpack(gone, i, math.min(i + 1999, #gone)))
end
return reply
