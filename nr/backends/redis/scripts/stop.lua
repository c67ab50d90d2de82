-- Asks the training to stop, or takes away an order that waits. ARGV: writer, number, what is
-- told of it then.

local field, refused = open('generation', writer, 'order', 'trainings')
if not field then return refused end
local before = made(field)
if before then return before end
local order = parsed(field[4])
if not order then return {1, 0, 0} end
if held(order) then
  order.state = 'stop'
  return write(field, {'order', written(order)}, 1, 0)
end
tell(field[5], ARGV[3])
return write(field, {}, 1, 0)
