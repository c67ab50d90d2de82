-- Before every script: what they share.
--
-- A script replies {1, ...} when it has done its work, {0} where the caller must
-- look again or has lost, and {text} to refuse. It checks first and writes last, and
-- its first write is an HSET: that is what a full or read-only server refuses, so a
-- script that failed has changed nothing.

local key = KEYS[1]
local FORMAT = 1
local WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
local unpack = unpack or table.unpack

-- The fields of the network: the first one asked for is the first one returned. Or
-- nil and the refusal.
local function open(...)
  local values = redis.pcall('HMGET', key, 'nr', ...)
  if values.err then
    if string.find(tostring(values.err), 'WRONGTYPE', 1, true) then
      return nil, {WRONGTYPE}
    end
    return nil, values
  end
  local format = table.remove(values, 1)
  local known = string.match(format or '', '^%d+$')
  if known and tonumber(known) > FORMAT then
    return nil, {'ERR the network has format ' .. format .. ', newer than the ' ..
                 FORMAT .. ' that this version reads'}
  elseif known then
    return values
  elseif redis.call('EXISTS', key) == 0 then
    return nil, {'ERR no such key'}
  end
  return nil, {WRONGTYPE}
end

local function now() -- milliseconds
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function int(number)
  return string.format('%.0f', number)
end

-- The training that holds the network: token, since, state. One of the key that the
-- hash was renamed or copied from holds nothing, nor does one that ran out.
local function holder(lease)
  local token, since, deadline, state, of =
    string.match(lease or '', '^(%S+) (%d+) (%d+) (%a+) (.*)$')
  if token and of == key and tonumber(deadline) > now() then
    return token, since, state
  end
end

-- Fields and values in as many HSETs as the stack needs.
local function put(pairs_)
  for i = 1, #pairs_, 2000 do
    redis.call('HSET', key, unpack(pairs_, i, math.min(i + 1999, #pairs_)))
  end
end

-- Adds a dataset's rows to fields and values.
local function rows(pairs_, dataset, blob, bytes)
  for slot = 0, #blob / bytes - 1 do
    pairs_[#pairs_ + 1] = dataset .. ':' .. int(slot)
    pairs_[#pairs_ + 1] = string.sub(blob, slot * bytes + 1, (slot + 1) * bytes)
  end
end

-- ARGV from some index on as fields and values; empty ones are to be deleted.
local function given(from, pairs_)
  local gone = {}
  for i = from, #ARGV, 2 do
    if ARGV[i + 1] == '' then
      gone[#gone + 1] = ARGV[i]
    else
      pairs_[#pairs_ + 1] = ARGV[i]
      pairs_[#pairs_ + 1] = ARGV[i + 1]
    end
  end
  return gone
end
