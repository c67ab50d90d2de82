-- NR.OBSERVE. ARGV: writer, number, id, dataset (0, 1, 2: either), bytes of a row (0: each
-- record has its length before it), rows, how many numbers in them were rounded, the revision
-- of the fields that records were made by, the limits of a training that they make due, and what
-- the samples are to weights: their revision, and a step and a ratio of each that was scored; empty
-- where they are not scored. Where a training is due, the reply has one number more.
--
-- Where a sample goes and what it replaces is the core's dataset.c again.

local field, refused = open('generation', writer, 'id', 'train_len', 'train_maxlen',
                            'test_len', 'test_maxlen', 'random', 'trainevery', 'observed', 'new',
                            'ordered', 'drift')
if not field then return refused end
if field[4] ~= ARGV[3] then return {0} end
local before = made(field)
if before then return before end

local train, trains = tonumber(field[5]), tonumber(field[6])
local test, tests = tonumber(field[7]), tonumber(field[8])
if not (train and trains and test and tests and field[9]) then
  return {'ERR invalid network: a damaged header'}
end
-- Whether they are to be scored is as model/drift.c says.
local losses, raised
local watched = field[14] == 'true' or field[10] == 'null'
if watched or ARGV[10] ~= '' then
  local now = redis.call('HMGET', key, 'trained', 'revision', 'losses', 'kind')
  local revision, step = string.match(ARGV[10], '^(%d*)( ?)')
  local kind = now[4] == 'classifier' or now[4] == 'regressor'
  local of = watched and kind and now[1] == 'true' and now[2] or ''
  if revision ~= of then return {0} end -- the caller looks again, who held other weights
  if step ~= '' then losses, raised = counted(now[3], revision, ARGV[10]) end
end
local observed = tonumber(field[11]) or train + test
local seeded

local function drawn(n)
  if not seeded then seed(field[9]) end
  seeded = true
  return below(n)
end

-- Whether the next sample goes to the training dataset.
local function is_training()
  if train == trains and test == tests then
    return drawn(trains + tests) < trains
  end
  return tests == 0 or trains > 0 and train * tests <= test * trains
end

local fixed = ARGV[4] ~= '2'
local bytes, blob = tonumber(ARGV[5]), ARGV[6]
local pairs_, n = {'train_len', '', 'test_len', ''}, 4
local last, step, records = #blob, bytes
if bytes == 0 then
  local at, size = 1
  last, step, records = 0, 1, {}
  while at <= #blob do
    local a, b, c, d = string.byte(blob, at, at + 3)
    size, at = a + 256 * (b + 256 * (c + 256 * d)), at + 4
    last, at = last + 1, at + size
    records[last] = string.sub(blob, at - size, at - 1)
  end
end

for at = 1, last, step do
  local training, slot = ARGV[4] == '0'
  if not fixed then training = is_training() end
  if training then
    if train < trains then slot, train = train, train + 1 else slot = drawn(trains) end
    slot = 'train:' .. slot
  else
    if test < tests then slot, test = test, test + 1 else slot = drawn(tests) end
    slot = 'test:' .. slot
  end
  pairs_[n + 1] = slot
  pairs_[n + 2] = records and records[at] or string.sub(blob, at, at + bytes - 1)
  n = n + 2
end

-- Records are weighed: with these, and without those that they replace.
if records then
  local has = redis.call('HMGET', key, 'max_bytes', 'train_bytes', 'test_bytes',
                         'schema_revision')
  if (has[4] or '0') ~= ARGV[8] then return {0} end
  local most, before = tonumber(has[1]), {tonumber(has[2]), tonumber(has[3])}
  local now, sizes = {before[1], before[2]}, {}
  if not (most and now[1] and now[2]) then
    return {'ERR invalid network: a damaged header'}
  end
  for i = 5, n, 2 do sizes[pairs_[i]] = #pairs_[i + 1] end
  for slot, size in pairs(sizes) do
    local which = string.find(slot, 'train', 1, true) and 1 or 2
    now[which] = now[which] + size - redis.call('HSTRLEN', key, slot)
  end
  for which, name in ipairs({'training', 'testing'}) do
    if now[which] > most and now[which] > before[which] then
      return {'ERR the ' .. name .. ' samples would take ' .. int(now[which]) ..
              ' bytes, more than BYTES ' .. int(most) ..
              ': give the network more BYTES, or shorter samples'}
    end
  end
  for _, part in ipairs({'train_bytes', int(now[1]), 'test_bytes', int(now[2])}) do
    n = n + 1
    pairs_[n] = part
  end
end

local counts = {field[1], observed, field[10], field[12], field[13]}
local kept = {train = train, all = train + test}
local due = tally(pairs_, records and last or last / step, kept, counts, ARGV[9], raised)
n = #pairs_
if losses then
  pairs_[n + 1], pairs_[n + 2], n = 'losses', losses, n + 2
end

train, test = train .. '', test .. ''
pairs_[2], pairs_[4] = train, test
if seeded then
  pairs_[n + 1] = 'random'
  pairs_[n + 2] = state()
end
if ARGV[7] ~= '0' then
  n = #pairs_
  pairs_[n + 1] = 'rounded'
  pairs_[n + 2] = int((tonumber(redis.call('HGET', key, 'rounded') or '0') or 0) + ARGV[7])
  pairs_[n + 3], pairs_[n + 4] = 'nr', FORMAT
end
local reply = write(field, pairs_, train, test)
if due then reply[4] = 1 end
return reply
