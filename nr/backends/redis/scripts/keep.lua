-- Keeps where a training stands, beside its order. ARGV: token, bytes.

local field, refused = open('order')
if not field then return refused end
local order = parsed(field[2])
if not order or order.token ~= ARGV[1] then return {0} end
redis.call('HSET', key, 'checkpoint', ARGV[2])
return {1}
