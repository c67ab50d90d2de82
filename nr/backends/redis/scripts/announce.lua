-- Tells where trainings are, for NR.THREADS. KEYS: the index. ARGV: the network's key,
-- milliseconds. Those that ran out go, and at last the index itself.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {1}
