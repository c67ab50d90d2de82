-- Places an order. ARGV: token, milliseconds that a lease lasts, whether the caller holds
-- it, limits (cycles, time, flags), progress, what is told of one whose holder was lost.
-- Replies id, revision, and how many trainings have ended.

local field, refused = open('id', 'revision', 'trainings', 'order')
if not field then return refused end
local before, ended = parsed(field[5]), tonumber(field[4] or 0)
if not before or before.token ~= ARGV[1] then
  if before and (held(before) or before.attempt == 0) then return {REFUSED} end
  local time = now()
  local order = {token = ARGV[1], since = int(time), deadline = 0, lasts = tonumber(ARGV[2]),
                 state = 'run', attempt = 0, limits = ARGV[4]}
  if ARGV[3] == '1' then order.deadline, order.attempt = time + ARGV[2], 1 end
  if before then
    tell(ended, ARGV[6])
    ended = ended + 1
  end
  redis.call('HSET', key, 'order', written(order))
  redis.call('HDEL', key, 'checkpoint')
  if ARGV[3] == '1' then
    redis.call('HSET', key, 'progress', ARGV[5])
  else
    redis.call('HDEL', key, 'progress')
  end
end
return {1, field[2], field[3], ended}
