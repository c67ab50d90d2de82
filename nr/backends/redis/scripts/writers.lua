-- Writes that must not be made twice.
--
-- A client that lost its connection does not know whether its write was made, and
-- sends it again. So each has a writer, ARGV[1], and a number that grows, ARGV[2]; the
-- network remembers the last number of each writer, and what it replied. A writer
-- has one write on its way at a time: a number that is not new was made, or given
-- up. Of many writers only those that wrote last are remembered.

local MOST, KEPT = 128, 64
local writer = 'writer:' .. ARGV[1]

-- The reply of this write, where it was made already.
local function made(record)
  local number, first, second = string.match(record or '', '^(%d+) %d+ (%d+) (%d+)$')
  if number and tonumber(number) >= tonumber(ARGV[2]) then
    return {1, tonumber(first), tonumber(second)}
  end
end

-- Of too many writers those that wrote last, and the names of the others' records.
local function recent(names)
  local records = redis.call('HMGET', key, unpack(names))
  for i, name in ipairs(names) do
    local time = string.match(records[i] or '', '^%d+ (%d+)')
    names[i] = {name = name, time = tonumber(time or 0)}
  end
  table.sort(names, function(a, b) return a.time > b.time end)
  local kept, gone = {}, {}
  for i, one in ipairs(names) do
    table.insert(i <= KEPT and kept or gone, one.name)
  end
  return kept, gone
end

-- Makes the write: fields and values, and the record with what it replies.
local function write(pairs_, record, first, second)
  local gone = {}
  if not record then
    local names = {}
    for name in string.gmatch(redis.call('HGET', key, 'writers') or '', '%S+') do
      names[#names + 1] = name
    end
    if #names >= MOST then
      names, gone = recent(names)
    end
    names[#names + 1] = writer
    pairs_[#pairs_ + 1] = 'writers'
    pairs_[#pairs_ + 1] = table.concat(names, ' ')
  end
  pairs_[#pairs_ + 1] = writer
  pairs_[#pairs_ + 1] =
    string.format('%s %s %.0f %.0f', ARGV[2], redis.call('TIME')[1], first, second)
  put(pairs_)
  if #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
  end
  return {1, first, second}
end
