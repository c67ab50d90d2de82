-- NR.OBSERVE of one row, where there is nothing else to do, which is nearly always: the writer is
-- known, no training is due. ARGV: writer, number, id, dataset, row, and as observe.lua has them
-- the revision of weights, and scores. Replies {2}, and has done nothing, where it is left to that.
--
-- All of a script runs at each call. So this one has little of what is shared, reads no more than
-- it needs, and writes no more than what has changed.

local key, writer = KEYS[1], 'writer:' .. ARGV[1]
local field = redis.pcall('HMGET', key, 'nr', 'id', writer, 'generation', 'train_len',
                          'train_maxlen', 'test_len', 'test_maxlen', 'observed', 'trainevery', 'new',
                          'random', 'drift')
if field[1] ~= '2' or field[2] ~= ARGV[3] or not field[3] then return {2} end
local number, generation, first, second = string.match(field[3], '^(%d+) (%d+) (%d+) (%d+)$')
if generation ~= field[4] then return {2} end
if tonumber(number) >= tonumber(ARGV[2]) then
  return {1, tonumber(first), tonumber(second)} -- it was made already
end

local train, trains = tonumber(field[5]), tonumber(field[6])
local test, tests, observed = tonumber(field[7]), tonumber(field[8]), tonumber(field[9])
if not (train and trains and test and tests and observed and field[12]) then return {2} end
if observed > 1e13 then return {2} end -- numbers have 14 digits as text
local every, losses, raised, stale = field[10]
if field[13] == 'true' or every == 'null' then
  losses, raised, stale = watch(field[13], every, ARGV[6], ARGV[7])
  if stale then return {0} end
  if raised then return {2} end
end
local full, slot, changed, value, s = train == trains and test == tests
if full then s = state_of(field[12]) end
local training = ARGV[4] == '0'
if ARGV[4] == '2' then
  if full then
    training = below(s, trains + tests) < trains
  else
    training = tests == 0 or trains > 0 and train * tests <= test * trains
  end
end
if training and train < trains then
  train, slot = train + 1, 'train:' .. field[5]
  changed, value, field[5] = 'train_len', train .. '', train .. ''
elseif not training and test < tests then
  test, slot = test + 1, 'test:' .. field[7]
  changed, value, field[7] = 'test_len', test .. '', test .. ''
else -- it replaces another one
  s = s or state_of(field[12])
  slot = training and 'train:' .. below(s, trains) or 'test:' .. below(s, tests)
  changed, value = 'random', written_state(s)
end

local record = ARGV[2] .. ' ' .. generation .. ' ' .. field[5] .. ' ' .. field[7]
observed = observed + 1 .. ''
if every and every ~= '0' then
  local new = (tonumber(field[11]) or 0) + 1
  if new >= (tonumber(every) or math.max(10, math.floor((train + test) / 5))) then return {2} end
  redis.call('HSET', key, slot, ARGV[5], changed, value, writer, record, 'observed', observed,
             'new', new .. '')
else
  redis.call('HSET', key, slot, ARGV[5], changed, value, writer, record, 'observed', observed)
end
if losses then redis.call('HSET', key, 'losses', losses) end
return {1, train, test}
