-- NR.OBSERVE. ARGV: writer, number, id, dataset (0, 1, 2: either), bytes of a row, rows.
--
-- Where a sample goes and what it replaces: the core's dataset.c and random.c again,
-- to the last bit. MRG32k3a was made for doubles, and Lua has no other numbers: no
-- product reaches 2^53. the tests hold the two together.

local M1, M2 = 4294967087, 4294944443

local field, refused = open('id', 'train_len', 'train_maxlen', 'test_len',
                            'test_maxlen', 'random', writer)
if not field then return refused end
if field[1] ~= ARGV[3] then return {0} end
local before = made(field[7])
if before then return before end

local len = {tonumber(field[2]), tonumber(field[4])}
local max = {tonumber(field[3]), tonumber(field[5])}
local s

local function draw()
  local a = (1403580 * s[2] + (M1 - 810728 * s[1] % M1)) % M1
  local b = (527612 * s[6] + (M2 - 1370589 * s[4] % M2)) % M2
  s[1], s[2], s[3] = s[2], s[3], a
  s[4], s[5], s[6] = s[5], s[6], b
  return a >= b and a - b or a + M1 - b
end

local function below(n)
  if not s then
    s = {}
    for number in string.gmatch(field[6], '%d+') do s[#s + 1] = tonumber(number) end
  end
  local limit, z = M1 - M1 % n
  repeat z = draw() until z < limit
  return z % n
end

local function choose()
  if len[1] < max[1] or len[2] < max[2] then
    if max[2] == 0 then return 1 end
    if max[1] == 0 then return 2 end
    return len[1] * max[2] <= len[2] * max[1] and 1 or 2
  end
  return below(max[1] + max[2]) < max[1] and 1 or 2
end

local fixed = tonumber(ARGV[4]) + 1
local bytes, blob = tonumber(ARGV[5]), ARGV[6]
local names = {'train:%.0f', 'test:%.0f'}
local pairs_ = {}

for at = 1, #blob, bytes do
  local which, slot = fixed > 2 and choose() or fixed
  if len[which] < max[which] then
    slot = len[which]
    len[which] = slot + 1
  else
    slot = below(max[which])
  end
  pairs_[#pairs_ + 1] = string.format(names[which], slot)
  pairs_[#pairs_ + 1] = string.sub(blob, at, at + bytes - 1)
end

local n = #pairs_
pairs_[n + 1], pairs_[n + 2] = 'train_len', int(len[1])
pairs_[n + 3], pairs_[n + 4] = 'test_len', int(len[2])
if s then
  pairs_[n + 5] = 'random'
  pairs_[n + 6] =
    string.format('[%.0f, %.0f, %.0f, %.0f, %.0f, %.0f]', unpack(s))
end
return write(pairs_, field[7], len[1], len[2])
