-- Asks the training to stop. ARGV: writer, number.

local field, refused = open('lease', writer)
if not field then return refused end
local before = made(field[2])
if before then return before end
local token = holder(field[1])
if not token then return {1, 0, 0} end
local lease = string.gsub(field[1], '^(%S+ %d+ %d+) %a+', '%1 stop')
return write({'lease', lease}, field[2], 1, 0)
