-- NR.OBSERVE of one row, where there is nothing else to do, which is nearly always: the writer is
-- known, no training is due. ARGV: writer, number, id, dataset, row, the most samples that the
-- datasets have, which are fixed with the id, and what the row is to weights, as observe.lua has it,
-- of a network that is watched. Replies how many samples there are as text, or
-- {2}, and has done nothing, where it is left to observe.lua; {0}, where the caller must look again.
--
-- This is observe_watched behind drift.lua and watched.lua, observe_row behind unwatched.lua. Whether
-- samples are scored is the caller's to know, and is not asked again: where DRIFT or TRAINEVERY are
-- changed, or there are new weights, all writers come to be unknown (change.lua, merge.lua), and
-- observe.lua asks. Only which weights the scores are of is looked at, since the caller's threads
-- share its writers.
--
-- All of a script runs at each call. So this one has little of what is shared, reads no more than
-- it needs, and writes no more than what has changed. To read a field, to make text of a number
-- or a list of the reply costs as much as ten or twenty lines.

local key, writer, trains, tests = KEYS[1], 'writer:' .. ARGV[1], ARGV[6], ARGV[7]
local field = redis.pcall('HMGET', key, 'nr', 'id', writer, 'generation', 'observed', 'train_len',
                          'test_len', 'trainevery', 'new', 'random', read_too())
if field[1] ~= '2' or field[2] ~= ARGV[3] or not field[3] then return {2} end
local number, generation = string.match(field[3], '^(%d+) (%d+) ')
if generation ~= field[4] then return {2} end
if number + 0 >= ARGV[2] + 0 then -- it was made already
  return string.match(field[3], '%d+ %d+$')
end

local train, test, observed = field[6], field[7], tonumber(field[5])
if not (train and test and observed and field[10]) then return {2} end
if observed > 1e13 then return {2} end -- numbers have 14 digits as text
local every, losses = field[8]
if counted then
  local revision, step = string.match(ARGV[8], '^(%d+)( ?)')
  if revision ~= field[11] then return {2} end
  if step ~= '' then
    local raised
    losses, raised = counted(field[12], revision, ARGV[8])
    if raised then return {2} end
  end
elseif every == 'null' then
  return {2}
end
local full, training, slot, changed, value = train == trains and test == tests, ARGV[4] == '0'
if full then seed(field[10]) end
if ARGV[4] == '2' then
  if full then
    training = below(trains + tests) < trains + 0
  else
    training = tests == '0' or trains ~= '0' and train * tests <= test * trains
  end
end
if training and train ~= trains then
  slot, train = 'train:' .. train, string.format('%d', train + 1)
  changed, value = 'train_len', train
elseif not training and test ~= tests then
  slot, test = 'test:' .. test, string.format('%d', test + 1)
  changed, value = 'test_len', test
else -- it replaces another one
  if not full then seed(field[10]) end
  slot = string.format(training and 'train:%d' or 'test:%d', below(training and trains or tests))
  changed, value = 'random', state()
end

local record = ARGV[2] .. ' ' .. generation .. ' ' .. train .. ' ' .. test
observed = string.format('%d', observed + 1)
if every and every ~= '0' then
  local new = (tonumber(field[9]) or 0) + 1
  if new >= (tonumber(every) or math.max(10, math.floor((train + test) / 5))) then return {2} end
  redis.call('HSET', key, slot, ARGV[5], changed, value, writer, record, 'observed', observed,
             'new', string.format('%d', new), written_too(losses))
else
  redis.call('HSET', key, slot, ARGV[5], changed, value, writer, record, 'observed', observed,
             written_too(losses))
end
return train .. ' ' .. test
