-- Takes over what was trained, or why nothing was, and takes the order away, if the caller
-- still has it. ARGV: id, revision it was trained from, token, whether there are weights, the
-- fields' revision it was trained from, fields and values ...

local field, refused = open('id', 'revision', 'version', 'order', 'trainings', 'schema_revision',
                            'generation')
if not field then return refused end
if field[4] == ARGV[3] then return {1} end -- merged already
local order = parsed(field[5])
if field[2] ~= ARGV[1] or field[3] ~= ARGV[2] or not order or order.token ~= ARGV[3] then
  return {0}
end
local pairs_ = {'nr', FORMAT, 'trainings', int((field[6] or 0) + 1)}
if ARGV[4] == '1' then
  local n = #pairs_
  pairs_[n + 1], pairs_[n + 2] = 'revision', int(field[3] + 1)
  pairs_[n + 3], pairs_[n + 4] = 'version', ARGV[3]
  -- Who observes asks once whether samples are scored by these (observe_row.lua).
  pairs_[n + 5], pairs_[n + 6] = 'generation', int((field[8] or 1) + 1)
end
local gone = given(6, pairs_)
if (field[7] or '0') ~= ARGV[5] then -- of samples dropped since then some may be among its rows
  for i = 1, #pairs_, 2 do
    if pairs_[i] == 'background' then pairs_[i + 1] = '' end
  end
  gone[#gone + 1] = 'background'
end
gone[#gone + 1], gone[#gone + 2], gone[#gone + 3] = 'order', 'progress', 'checkpoint'
put(pairs_)
redis.call('HDEL', key, unpack(gone))
return {1}
