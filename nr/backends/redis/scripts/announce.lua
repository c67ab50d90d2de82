-- Tells where trainings are, for NR.THREADS. KEYS: the index. ARGV: the network's key,
-- milliseconds. Those that ran out go, and at last the index itself. Replies when the
-- entry runs out.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ending = string.format('%.0f', now + ARGV[2])
redis.call('ZADD', KEYS[1], ending, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {1, ending}
