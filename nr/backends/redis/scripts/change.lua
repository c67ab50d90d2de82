-- NR.CONFIGURE and NR.RESET. ARGV: writer, number, id (empty: any), version (empty:
-- the weights stay), fields and values ...

local field, refused = open('id', 'revision', 'resets', writer)
if not field then return refused end
if ARGV[3] ~= '' and field[1] ~= ARGV[3] then return {0} end
local before = made(field[4])
if before then return before end

local pairs_ = {}
local gone = given(5, pairs_)
if ARGV[4] ~= '' then
  local n = #pairs_
  pairs_[n + 1], pairs_[n + 2] = 'revision', int(field[2] + 1)
  pairs_[n + 3], pairs_[n + 4] = 'resets', int(field[3] + 1)
  pairs_[n + 5], pairs_[n + 6] = 'version', ARGV[4]
end
local reply = write(pairs_, field[4], 0, 0)
if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
return reply
