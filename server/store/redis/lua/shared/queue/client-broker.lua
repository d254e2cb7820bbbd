-- Records the broker that the client of a live session is connected to now, for the entry too while it is an offer.
local function set_client_broker(session, broker)
  session.broker = broker
  change_session(session)
  local waiting = session.state == 'offered' and load_waiting(session.id)
  if waiting then
    waiting.broker = broker
    save_waiting(waiting)
  end
end
