-- The core's random.c again, to the last bit. MRG32k3a was made for doubles, and Lua has no other
-- numbers: no product reaches 2^53. The tests hold the two together.

local a, b, c, d, e, f -- the generator's state

-- Takes the state from a header's text. Text becomes a number by being added to: Redis's tonumber
-- takes five times as long.
local function seed(text)
  a, b, c, d, e, f = string.match(text, '(%d+), (%d+), (%d+), (%d+), (%d+), (%d+)')
  a, b, c, d, e, f = a + 0, b + 0, c + 0, d + 0, e + 0, f + 0
end

-- The state as a header's text.
local function state()
  return string.format('[%d, %d, %d, %d, %d, %d]', a, b, c, d, e, f)
end

-- A number below n.
local function below(n)
  local limit, z = 4294967087 - 4294967087 % n
  repeat
    a, b, c = b, c, (1403580 * b + (4294967087 - 810728 * a % 4294967087)) % 4294967087
    d, e, f = e, f, (527612 * f + (4294944443 - 1370589 * d % 4294944443)) % 4294944443
    z = c >= f and c - f or c + 4294967087 - f
  until z < limit
  return z % n
end
