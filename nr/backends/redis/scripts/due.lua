-- What TRAINEVERY counts: model/samples.c again.

-- Counts samples, in fields and values. was: the format, observed, TRAINEVERY, new and ordered.
-- kept: how many samples there are now; limits: those of a training that they make due. An order
-- is placed where none stands: one of the key that the hash was renamed or copied from is none
-- (orders.lua). Replies whether one was due.
local function tally(pairs_, count, kept, was, limits)
  local n, every, due = #pairs_, was[3], nil
  pairs_[n + 1], pairs_[n + 2], n = 'observed', int(was[2] + count), n + 2
  if was[1] ~= FORMAT then pairs_[n + 1], pairs_[n + 2], n = 'nr', FORMAT, n + 2 end
  if not every or every == '0' then return nil end
  local fresh = (tonumber(was[4]) or 0) + count
  due = tonumber(every) or math.max(10, math.floor(kept.all / 5))
  if kept.train > 0 and fresh >= due then
    local ordered = (tonumber(was[5]) or 0) + math.floor(fresh / due)
    pairs_[n + 1], pairs_[n + 2], n = 'ordered', int(ordered), n + 2
    fresh = fresh % due
  else
    due = nil
  end
  pairs_[n + 1], pairs_[n + 2], n = 'new', int(fresh), n + 2
  if not due then return nil end
  local order = redis.call('HGET', key, 'order')
  local owner = order and string.match(order,
    '^%S+ %d+ %d+ %d+ %a+ %d+ %d+ %d+ %a+ (.*)$')
  if owner ~= key then
    local time = redis.call('TIME')
    local since = int(time[1] * 1000 + math.floor(time[2] / 1000))
    pairs_[n + 1] = 'order'
    pairs_[n + 2] = ARGV[1] .. '-' .. ARGV[2] .. ' ' .. since .. ' 0 0 run 0 ' .. limits .. ' ' .. key
  end
  return due
end
