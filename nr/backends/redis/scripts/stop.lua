-- Asks the training to stop. ARGV: writer, number.

local field, refused = open('generation', writer, 'lease')
if not field then return refused end
local before = made(field)
if before then return before end
local token = holder(field[4])
if not token then return {1, 0, 0} end
local lease = string.gsub(field[4], '^(%S+ %d+ %d+) %a+', '%1 stop')
return write(field, {'lease', lease}, 1, 0)
