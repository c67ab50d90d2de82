-- NR.GETDATA of a range: how many bytes its samples have, the header, and the samples, of which
-- there are none where those are more than so many. ARGV: dataset, first, behind the last, most
-- bytes, then fields ...

local field, refused = open(ARGV[1] .. '_len', unpack(ARGV, 5))
if not field then return refused end
local length = tonumber(field[2])
if not length then return {'ERR invalid network: a damaged header'} end
local first, behind = tonumber(ARGV[2]), math.min(tonumber(ARGV[3]), length)
local size, found = 0, {}
for row = first, behind - 1 do
  size = size + redis.call('HSTRLEN', key, ARGV[1] .. ':' .. int(row))
end
local fits = size <= tonumber(ARGV[4]) or behind - first == 1
for row = first, fits and behind - 1 or -1 do
  local sample = redis.call('HGET', key, ARGV[1] .. ':' .. int(row))
  if not sample then return {'ERR invalid network: no ' .. ARGV[1] .. ':' .. int(row)} end
  found[#found + 1] = sample
end
return {1, size, {unpack(field, 3, #ARGV - 2)}, found}
