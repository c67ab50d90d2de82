-- What is counted of samples' losses before they are kept: model/drift.c again. All numbers are
-- integers below 2^53, which Lua's are, too. Text becomes a number by being added to.

-- The header's losses, counted on by scores ('step ratio step ratio ...') of these weights, and
-- whether they raised the alarm.
local function counted(losses, revision, scores)
  local of, n, late, sum, alarm =
    string.match(losses or '', '(%d+), (%d+), (%d+), (%d+), (%d+)')
  if of ~= revision then n, late, sum, alarm = 0, 0, 0, 0 end -- those of other weights
  n, late, sum, alarm = n + 0, late + 0, sum + 0, alarm + 0
  local before = alarm
  for step, ratio in string.gmatch(scores, '(%-?%d+) (%d+)') do
    n, sum = n + 1, math.min(math.max(sum + step, 0), 20000000)
    late = late + math.floor((ratio - late) / math.min(n, 128))
    if sum > 10000000 and alarm == 0 then alarm = n end
  end
  local text = string.format('[%s, %.0f, %.0f, %.0f, %.0f]', revision, n, late, sum, alarm)
  return text, alarm > 0 and before == 0
end

-- Counts the scores of samples for a network that is watched (drift: whether DRIFT is on, nil: it
-- is to be asked). Replies the new losses, or nil where there are none; whether they raised the
-- alarm; and whether the caller holds other weights than those in place, or none.
local function watch(drift, every, revision, scores)
  if drift ~= nil and drift ~= 'true' and every ~= 'null' then return end
  local now = redis.call('HMGET', KEYS[1], 'trained', 'revision', 'losses', 'drift')
  if now[1] ~= 'true' or (now[4] ~= 'true' and every ~= 'null') then return end
  if now[2] ~= revision then return nil, nil, true end
  if scores == '' then return end
  return counted(now[3], revision, scores)
end
