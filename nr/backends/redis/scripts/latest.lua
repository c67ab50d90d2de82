-- The latest steps of a series, behind how its record begins, or nothing. ARGV: that beginning,
-- bytes of as many steps as are wanted.

local field, refused = open('train_len')
if not field then return refused end
local _, record = found(ARGV[1], tonumber(field[2]) or 0)
if not record then return {1, ''} end
return {1, ARGV[1] .. string.sub(string.sub(record, #ARGV[1] + 1), -tonumber(ARGV[2]))}
