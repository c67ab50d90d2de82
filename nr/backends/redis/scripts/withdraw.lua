-- Takes back what was announced. KEYS: the index. ARGV: the network's key, when the
-- entry runs out: a later one is another training's.

local ending = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ending and tonumber(ending) <= tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return {1}
