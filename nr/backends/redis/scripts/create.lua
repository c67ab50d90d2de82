-- Puts a network under a key. ARGV: id, whether to replace another one, bytes of a
-- row (0: each record has its length before it), training rows, testing rows, fields and values ...

local field, refused = open('id')
if field and field[2] == ARGV[1] then return {1} end -- made already
local missing = refused and refused[1] == '@NO_SUCH_KEY'
if ARGV[2] == '0' and not missing then return {'@BUSY'} end
if refused and not missing then return refused end

local pairs_ = {}
given(6, pairs_)
rows(pairs_, 'train', ARGV[4], tonumber(ARGV[3]))
rows(pairs_, 'test', ARGV[5], tonumber(ARGV[3]))
redis.call('HSET', key, 'id', ARGV[1]) -- a server that is full refuses here
redis.call('DEL', key)
put(pairs_)
return {1}
