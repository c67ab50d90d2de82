-- Takes over what was trained, if the lease still holds. ARGV: id, revision it was
-- trained from, token of the lease, fields and values ...

local field, refused = open('id', 'revision', 'version', 'lease')
if not field then return refused end
if field[4] == ARGV[3] then return {1} end -- merged already
if field[2] ~= ARGV[1] or field[3] ~= ARGV[2] or holder(field[5]) ~= ARGV[3] then
  return {0}
end
local pairs_ = {'nr', FORMAT, 'revision', int(field[3] + 1), 'version', ARGV[3]}
local gone = given(4, pairs_)
put(pairs_)
if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
return {1}
