-- Deletes the network with this id, and no other. ARGV: id.

local field, refused = open('id')
if not field then return refused end
if field[2] ~= ARGV[1] then return {0} end
redis.call('DEL', key)
return {1}
