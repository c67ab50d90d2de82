-- Takes an order away as if it had never been placed. ARGV: token.

local field, refused = open('order')
if not field then return refused end
local order = parsed(field[2])
if not order or order.token ~= ARGV[1] then return {0} end
redis.call('HDEL', key, 'order', 'progress', 'checkpoint')
return {1}
