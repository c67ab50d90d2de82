-- Fields of the network, and whether there is an order: 0 none, 1 one that waits, 2 one that is
-- held; since when; its limits; the fields; how often it was taken. ARGV: fields ...

local field, refused = open('order', unpack(ARGV))
if not field then return refused end
local order = parsed(field[2])
local standing = not order and 0 or held(order) and 2 or 1
return {1, standing, order and order.since or '0', order and order.limits or '',
        {unpack(field, 3, #ARGV + 2)}, order and order.attempt or 0}
