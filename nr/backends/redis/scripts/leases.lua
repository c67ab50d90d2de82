-- Trainings.

local function now() -- milliseconds
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The training that holds the network: token, since, state. One of the key that the
-- hash was renamed or copied from holds nothing, nor does one that ran out.
local function holder(lease)
  if not lease then return end
  local token, since, deadline, state, of =
    string.match(lease, '^(%S+) (%d+) (%d+) (%a+) (.*)$')
  if token and of == key and tonumber(deadline) > now() then
    return token, since, state
  end
end
