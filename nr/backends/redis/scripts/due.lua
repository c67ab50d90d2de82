-- What TRAINEVERY counts: model/counts.c again.

-- Counts samples, in fields and values. was: the format, observed, TRAINEVERY, new and ordered.
-- kept: how many samples there are now; limits: those of a training that they make due. An order
-- is placed where none stands: one of the key that the hash was renamed or copied from is none
-- (orders.lua). raised: whether the samples raised an alarm, which makes a training due with AUTO.
-- Replies whether one was due.
local function tally(pairs_, count, kept, was, limits, raised)
  local n, every, due = #pairs_, was[3], nil
  pairs_[n + 1], pairs_[n + 2], n = 'observed', int(was[2] + count), n + 2
  if was[1] ~= FORMAT then pairs_[n + 1], pairs_[n + 2], n = 'nr', FORMAT, n + 2 end
  if not every or every == '0' then return nil end
  local fresh = (tonumber(was[4]) or 0) + count
  due = tonumber(every) or math.max(10, math.floor(kept.all / 5))
  local asked, left = math.floor(fresh / due), fresh % due
  if asked == 0 and raised and every == 'null' then asked, left = 1, 0 end
  if kept.train > 0 and asked > 0 then
    pairs_[n + 1], n = 'ordered', n + 2
    pairs_[n] = int((tonumber(was[5]) or 0) + asked)
    fresh, due = left, asked
  else
    due = nil
  end
  pairs_[n + 1], pairs_[n + 2], n = 'new', int(fresh), n + 2
  if not due then return nil end
  local order = redis.call('HGET', key, 'order')
  local owner = order and string.match(order,
    '^%S+ %d+ %d+ %d+ %a+ %d+ %d+ %d+ %a+ (.*)$')
  local more = owner == key and due or due - 1 -- trainings than orders
  if more > 0 then
    local before = tonumber(redis.call('HGET', key, 'coalesced') or '0') or 0
    pairs_[n + 1], pairs_[n + 2], n = 'coalesced', int(before + more), n + 2
  end
  if owner ~= key then
    local time = redis.call('TIME')
    local since = int(time[1] * 1000 + math.floor(time[2] / 1000))
    pairs_[n + 1] = 'order'
    pairs_[n + 2] = ARGV[1] .. '-' .. ARGV[2] .. ' ' .. since .. ' 0 0 run 0 ' .. limits .. ' ' .. key
  end
  return due
end
