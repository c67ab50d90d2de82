-- Fields and values from arguments.

-- Adds a dataset's rows to fields and values; of records where bytes is 0.
local function rows(pairs_, dataset, blob, bytes)
  local slot, at, n = 0, 1, #pairs_
  while at <= #blob do
    local size = bytes
    if bytes == 0 then
      local a, b, c, d = string.byte(blob, at, at + 3)
      size, at = a + 256 * (b + 256 * (c + 256 * d)), at + 4
    end
    pairs_[n + 1] = dataset .. ':' .. int(slot)
    pairs_[n + 2] = string.sub(blob, at, at + size - 1)
    slot, at, n = slot + 1, at + size, n + 2
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
