-- Cancels a move, unless it is complete.
--
-- Arguments
--   caller_id       the calling broker
--   reservation_id  of the target reservation
--   epoch
-- Returns id, record, connectionId of the target reservation, or nothing

local reservation = load_session(reservation_id)
if not reservation or reservation.state ~= 'arriving' or reservation.epoch ~= epoch then
  serve_queue()
  return {}
end
local reply = {}
end_and_add(reply, reservation, 'move_failed')
commit_and_serve_queue()
return reply
