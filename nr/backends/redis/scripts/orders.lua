-- Trainings as orders.
--
-- An order is a field of the network's own hash, so it comes and goes with it: token, when
-- it was placed, its holder's deadline, how long a lease is, state, attempts, cycles, time,
-- flags, key. The key is last, as it may hold anything.

local ATTEMPTS = 10
local REFUSED = '@TRAINING'

local function now() -- milliseconds
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The order, or nil. One of the key that the hash was renamed or copied from is none.
local function parsed(text)
  if not text then return end
  local o = {string.match(text,
    '^(%S+) (%d+) (%d+) (%d+) (%a+) (%d+) (%d+) (%d+) (%a+) (.*)$')}
  if o[10] ~= key then return end
  return {token = o[1], since = o[2], deadline = tonumber(o[3]), lasts = tonumber(o[4]),
          state = o[5], attempt = tonumber(o[6]), limits = o[7] .. ' ' .. o[8] .. ' ' .. o[9]}
end

-- Whether its holder is alive. Nobody sets a deadline further off than a lease is long.
local function held(order)
  local left = order.deadline - now()
  return left > 0 and left <= order.lasts
end

local function written(order)
  return table.concat({order.token, order.since, int(order.deadline), int(order.lasts),
                       order.state, int(order.attempt), order.limits, key}, ' ')
end

-- Takes the order away, and says what became of the training.
local function tell(trainings, outcome)
  redis.call('HSET', key, 'nr', FORMAT, 'trainings', int((trainings or 0) + 1),
             'last_training', outcome)
  redis.call('HDEL', key, 'order', 'progress', 'checkpoint')
end
