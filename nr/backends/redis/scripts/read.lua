-- Fields of the network, and whether a training holds it. ARGV: fields ...

local field, refused = open('lease', unpack(ARGV))
if not field then return refused end
local token, since = holder(field[2])
return {1, token and 1 or 0, since or '0', {unpack(field, 3, #ARGV + 2)}}
