-- The core's random.c again, to the last bit. MRG32k3a was made for doubles, and Lua has no other
-- numbers: no product reaches 2^53. The tests hold the two together.

-- The generator's state as numbers, from a header's text.
local function state_of(text)
  local s = {string.match(text, '(%d+)%D+(%d+)%D+(%d+)%D+(%d+)%D+(%d+)%D+(%d+)')}
  for i = 1, 6 do s[i] = tonumber(s[i]) end
  return s
end

local function written_state(s)
  return string.format('[%d, %d, %d, %d, %d, %d]', s[1], s[2], s[3], s[4], s[5], s[6])
end

-- A number below n.
local function below(s, n)
  local M1, M2 = 4294967087, 4294944443
  local limit, z = M1 - M1 % n
  repeat
    local a = (1403580 * s[2] + (M1 - 810728 * s[1] % M1)) % M1
    local b = (527612 * s[6] + (M2 - 1370589 * s[4] % M2)) % M2
    s[1], s[2], s[3] = s[2], s[3], a
    s[4], s[5], s[6] = s[5], s[6], b
    z = a >= b and a - b or a + M1 - b
  until z < limit
  return z % n
end
