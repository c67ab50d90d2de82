-- Takes an order that waits. ARGV: token, milliseconds that a lease lasts, what is told of one
-- that was taken too often, whether one that is left to workers will do, progress. Replies id, revision, how many trainings have ended, the attempt,
-- and the limits.

local field, refused = open('id', 'revision', 'trainings', 'order')
if not field then return refused end
local order = parsed(field[5])
if not order then return {0} end
if order.token ~= ARGV[1] then -- else taken already
  if held(order) then return {0} end
  if ARGV[4] == '0' and string.find(order.limits, 'q', 1, true) then return {0} end
  if order.attempt >= ATTEMPTS then
    tell(field[4], ARGV[3])
    return {0}
  end
  order.token, order.lasts = ARGV[1], tonumber(ARGV[2])
  order.deadline, order.attempt = now() + ARGV[2], order.attempt + 1
  redis.call('HSET', key, 'order', written(order), 'progress', ARGV[5])
end
return {1, field[2], field[3], tonumber(field[4] or 0), order.attempt, order.limits}
