-- NR.OBSERVE of a forecaster. ARGV: writer, number, id, what the series gets (its length, how
-- its record begins, steps), bytes of a step, the most steps that are kept, the limits of a
-- training that they make due. Replies how many steps the series has, how many series there are,
-- and where a training is due one number more. The core's model/series.c again.

local field, refused = open('generation', writer, 'id', 'train_len', 'train_maxlen', 'train_bytes',
                            'max_bytes', 'observed', 'trainevery', 'new', 'ordered')
if not field then return refused end
if field[4] ~= ARGV[3] then return {0} end
local before = made(field)
if before then return before end

local train, trains = tonumber(field[5]), tonumber(field[6])
local bytes, most = tonumber(field[7]), tonumber(field[8])
if not (train and trains and bytes and most) then
  return {'ERR invalid network: a damaged header'}
end
local piece, step = string.sub(ARGV[4], 5), tonumber(ARGV[5])
local head = string.sub(piece, 1, 2 + string.byte(piece, 2))
local slot, old = found(head, train)
if slot == train and train >= trains then
  return {'ERR a forecaster has ' .. int(train) .. ' series at most: NR.FORGET drops one'}
end
local steps = string.sub(old or '', #head + 1) .. string.sub(piece, #head + 1)
steps = string.sub(steps, -step * tonumber(ARGV[6]))
local record, was = head .. steps, old and #old or 0
if bytes + #record - was > most and #record > was then
  return {'ERR the training samples would take ' .. int(bytes + #record - was) ..
          ' bytes, more than BYTES ' .. int(most) ..
          ': give the network more BYTES, or shorter samples'}
end
bytes, train = bytes + #record - was, math.max(train, slot + 1)

local pairs_ = {'train_len', int(train), 'train_bytes', int(bytes), 'train:' .. int(slot), record}
local counts = {field[1], tonumber(field[9]) or 0, field[10], field[11], field[12]}
local kept = {train = train, all = math.floor(bytes / step)}
local due = tally(pairs_, (#piece - #head) / step, kept, counts, ARGV[7])
local reply = write(field, pairs_, int(#steps / step), int(train))
if due then reply[4] = 1 end
return reply
