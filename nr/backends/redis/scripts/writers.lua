-- Writes that must not be made twice.
--
-- A client that lost its connection does not know whether its write was made, and
-- sends it again. So each has a writer, ARGV[1], and a number that grows, ARGV[2]; the
-- network remembers the last number of each writer, and what it replied. A writer
-- has one write on its way at a time: a number that is not new was made, or given up.
--
-- Only those that wrote last are remembered. Writers come in generations of 64: each
-- enlists with its first write in one. When a generation is full, the next begins, and
-- who has not written since the one before is forgotten. So nothing but the record is
-- written as a rule, no clock is asked, and nothing is sorted.
--
-- A script opens 'generation' and writer before its own fields.

local MOST = 64
local writer = 'writer:' .. ARGV[1]
local enlisted -- the generation of this writer's record

-- The reply of this write, where it was made already.
local function made(field)
  if not field[3] then return end
  local number, generation, first, second =
    string.match(field[3], '^(%d+) (%d+) (%d+) (%d+)$')
  if number and tonumber(number) >= tonumber(ARGV[2]) then
    return {1, tonumber(first), tonumber(second)}
  end
  enlisted = generation
end

-- Enlists this writer. The generation, and the writers that are forgotten.
local function enlist(pairs_, generation)
  local lists = redis.call('HMGET', key, 'writers', 'writers:before')
  local names, gone = lists[1] or '', {}
  local _, count = string.gsub(names, ' ', '')
  if count >= MOST then
    for name in string.gmatch(lists[2] or '', '%S+') do
      if name ~= writer and not string.find(names, name .. ' ', 1, true) then
        gone[#gone + 1] = name
      end
    end
    pairs_[#pairs_ + 1] = 'writers:before'
    pairs_[#pairs_ + 1] = names
    names, generation = '', int(generation + 1)
  end
  for _, part in ipairs({'writers', names .. writer .. ' ', 'generation', generation}) do
    pairs_[#pairs_ + 1] = part
  end
  return generation, gone
end

-- Makes the write: fields and values, and the record with what it replies. The reply; the
-- generation that the writer is of is in field[2] then.
local function write(field, pairs_, first, second)
  local generation, gone = field[2] or '1'
  if enlisted ~= generation then
    generation, gone = enlist(pairs_, generation)
    field[2] = generation
  end
  local n = #pairs_
  pairs_[n + 1] = writer
  pairs_[n + 2] = ARGV[2] .. ' ' .. generation .. ' ' .. first .. ' ' .. second
  put(pairs_)
  if gone and #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
  end
  return {1, tonumber(first), tonumber(second)}
end
