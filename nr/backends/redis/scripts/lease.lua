-- The right to train. ARGV: token, milliseconds that it lasts, progress.

local field, refused = open('id', 'lease')
if not field then return refused end
local token = holder(field[3])
if token and token ~= ARGV[1] then
  return {'ERR neural network training already in progress'}
end
local time = now()
redis.call('HSET', key, 'lease', table.concat(
  {ARGV[1], int(time), int(time + ARGV[2]), 'run', key}, ' '), 'progress', ARGV[3])
return {1, field[2]}
