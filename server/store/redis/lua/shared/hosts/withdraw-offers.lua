-- Withdraws the offers on a host: their entries return to the queue, where they stood before.
local function withdraw_offers_of(host)
  for _, session in ipairs(live_sessions_of(host)) do
    if session.state == 'offered' then
      end_session(session, 'host_lost')
    end
  end
end
