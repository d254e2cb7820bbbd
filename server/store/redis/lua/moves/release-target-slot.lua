-- Gives up a move, unless the session has arrived.
--
-- ARGV  3 arrivalId  4 epoch
-- Returns arrivalId, record, connectionId of what was held, or nothing

local arrival = load_session(ARGV[3])
if not arrival or arrival.state ~= 'arriving' or arrival.epoch ~= tonumber(ARGV[4]) then
  return {}
end
local out = {}
end_and_tell(out, arrival, 'move_failed')
finish()
return out
