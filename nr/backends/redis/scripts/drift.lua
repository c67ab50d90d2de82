-- What is counted of samples' losses before they are kept: model/drift.c again. All numbers are
-- integers below 2^53, which Lua's are, too. Text becomes a number by being added to.

-- The header's losses, counted on by what samples are to the weights of a revision ('revision step
-- ratio step ratio ...'), and whether they raised the alarm.
local function counted(losses, revision, scored)
  local floor = math.floor
  local of, n, late, sum, alarm =
    string.match(losses or '', '(%d+), (%d+), (%d+), (%d+), (%d+)')
  if of ~= revision then n, late, sum, alarm = 0, 0, 0, '0' end -- those of other weights
  local before = alarm
  for step, ratio in string.gmatch(scored, ' (%-?%d+) (%d+)') do
    n, sum = n + 1, sum + step
    if sum < 0 then sum = 0 elseif sum > 20000000 then sum = 20000000 end
    late = late + floor((ratio - late) / (n < 128 and n or 128))
    if sum > 10000000 and alarm == '0' then alarm = string.format('%d', n) end
  end
  local text = string.format('[%s, %d, %d, %d, %s]', revision, n, late, sum, alarm)
  return text, alarm ~= before
end
