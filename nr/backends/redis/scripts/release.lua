-- Gives a lease back. ARGV: token.

local field, refused = open('lease')
if not field then return refused end
if holder(field[2]) ~= ARGV[1] then return {0} end
redis.call('HDEL', key, 'lease', 'progress')
return {1}
