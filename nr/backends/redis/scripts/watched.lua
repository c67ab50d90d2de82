-- Before observe_row.lua, for a network whose samples are scored: what it reads and writes besides.
local function read_too()
  return 'revision', 'losses'
end

local function written_too(losses)
  if losses then return 'losses', losses end
end
