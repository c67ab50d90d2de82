-- Lets an order wait again, as if it had not been taken this time. ARGV: token.

local field, refused = open('order')
if not field then return refused end
local order = parsed(field[2])
if not order or order.token ~= ARGV[1] then return {0} end
order.token, order.deadline, order.attempt = ARGV[1] .. '-', 0, order.attempt - 1
redis.call('HSET', key, 'order', written(order))
redis.call('HDEL', key, 'progress')
return {1}
