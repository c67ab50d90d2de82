-- Before observe_row.lua, for a network whose samples are not scored (watched.lua, drift.lua).
local counted
local function read_too() end
local written_too = read_too
