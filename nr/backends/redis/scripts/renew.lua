-- Moves the deadline on. ARGV: token, milliseconds from now, progress. Replies 1 to
-- go on, 2 to stop.

local field, refused = open('lease')
if not field then return refused end
local token, since, state = holder(field[2])
if token ~= ARGV[1] then return {0} end
redis.call('HSET', key, 'lease', table.concat(
  {token, since, int(now() + ARGV[2]), state, key}, ' '), 'progress', ARGV[3])
return {1, state == 'stop' and 2 or 1}
