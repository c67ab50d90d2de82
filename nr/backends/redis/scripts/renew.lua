-- Moves the deadline on. ARGV: token, milliseconds from now, progress. Replies 1 to
-- go on, 2 to stop.

local field, refused = open('order')
if not field then return refused end
local order = parsed(field[2])
if not order or order.token ~= ARGV[1] then return {0} end
order.deadline, order.lasts = now() + ARGV[2], tonumber(ARGV[2])
redis.call('HSET', key, 'order', written(order), 'progress', ARGV[3])
return {1, order.state == 'stop' and 2 or 1}
