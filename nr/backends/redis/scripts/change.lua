-- NR.CONFIGURE, NR.FIELDS and NR.RESET. ARGV: writer, number, id (empty: any), version
-- (empty: the weights stay), the fields' revision that it changes (empty: not the fields),
-- fields and values ...

local field, refused = open('generation', writer, 'id', 'revision', 'resets', 'trainings',
                            'schema_revision')
if not field then return refused end
if ARGV[3] ~= '' and field[4] ~= ARGV[3] then return {0} end
local before = made(field)
if before then return before end
if ARGV[5] ~= '' and (field[8] or '0') ~= ARGV[5] then return {0} end

local pairs_ = {'nr', FORMAT}
local gone = given(6, pairs_)
if ARGV[4] ~= '' then
  local n = #pairs_
  pairs_[n + 1], pairs_[n + 2] = 'revision', int(field[5] + 1)
  pairs_[n + 3], pairs_[n + 4] = 'resets', int(field[6] + 1)
  pairs_[n + 5], pairs_[n + 6] = 'version', ARGV[4]
  pairs_[n + 7], pairs_[n + 8] = 'trainings', int((field[7] or 0) + 1)
end
local watching
for i = 1, #pairs_, 2 do
  if pairs_[i] == 'drift' or pairs_[i] == 'trainevery' then watching = true end
end
local reply = write(field, pairs_, 0, 0)
-- Every writer is asked by observe.lua next (observe_row.lua), this one as well.
if watching then redis.call('HSET', key, 'generation', int((field[2] or 1) + 1)) end
if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
return reply
