-- Before every script: what they share.
--
-- A script replies {1, ...} when it has done its work, {0} where the caller must
-- look again or has lost, and {text} to refuse. It checks first and writes last, and
-- its first write is an HSET: that is what a full or read-only server refuses, so a
-- script that failed has changed nothing.
--
-- All of a script runs at each call, the making of its functions too. So it comes with
-- no more than it needs (link.py knows which), and does little before it knows. '@NAME' is
-- the text of that name in nr/errors.py.

local key = KEYS[1]
local FORMAT = '2'
local WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
local unpack = unpack or table.unpack

-- Why a hash with these fields is not opened.
local function refusal(field)
  if field.err then
    local wrong = string.find(tostring(field.err), 'WRONGTYPE', 1, true)
    return wrong and {WRONGTYPE} or field
  end
  local format = string.match(field[1] or '', '^%d+$')
  if format and tonumber(format) > tonumber(FORMAT) then
    return {'ERR the network has format ' .. format .. ', newer than the ' .. FORMAT ..
            ' that this version reads'}
  end
  return {redis.call('EXISTS', key) == 0 and '@NO_SUCH_KEY' or WRONGTYPE}
end

-- The fields of the network, from the second on; the first one is its format: an older
-- one lacks fields that came later, and what writes those writes FORMAT with them. Or nil
-- and the refusal.
local function open(...)
  local field = redis.pcall('HMGET', key, 'nr', ...)
  if field[1] == FORMAT or field[1] == '1' then return field end
  return nil, refusal(field)
end

local function int(number)
  return string.format('%.0f', number)
end

-- Fields and values in as many HSETs as the stack needs.
local function put(pairs_)
  for i = 1, #pairs_, 2000 do
    redis.call('HSET', key, unpack(pairs_, i, math.min(i + 1999, #pairs_)))
  end
end
