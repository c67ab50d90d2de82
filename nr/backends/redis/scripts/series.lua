-- Where a series is: by how its record begins. Its slot, and the record; without one, the slot
-- that comes next.
local function found(head, train)
  for slot = 0, train - 1 do
    local record = redis.call('HGET', key, 'train:' .. int(slot))
    if record and string.sub(record, 1, #head) == head then return slot, record end
  end
  return train
end
