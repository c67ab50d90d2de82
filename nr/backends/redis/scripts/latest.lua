-- The latest steps of a series, behind how its record begins, or nothing, and the version of the
-- weights. ARGV: that beginning, bytes of as many steps as are wanted.

local field, refused = open('train_len', 'version')
if not field then return refused end
local _, record = found(ARGV[1], tonumber(field[2]) or 0)
local steps = record and ARGV[1] .. string.sub(string.sub(record, #ARGV[1] + 1), -tonumber(ARGV[2]))
return {1, steps or '', field[3] or ''}
