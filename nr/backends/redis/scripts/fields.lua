-- Fields and values from arguments.

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
