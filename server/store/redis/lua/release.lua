-- Ends sessions and frees their slots.
--
-- ARGV  3... per order: sessionId, epoch, reason, hostId that asks or ''
-- Returns per order three texts: ended, record, connectionId | over, reason, '' | stale, '', '' | unknown, '', ''
-- Keeps: only the current epoch ends a session, a host only its own; a late order does nothing.

local ids, host_ids = {}, {}
for i = 3, #ARGV, 4 do
  ids[#ids + 1] = ARGV[i]
end
load_sessions(ids)
for _, id in ipairs(ids) do
  local session = sessions[id]
  if session then
    host_ids[#host_ids + 1] = session.host
  end
end
load_hosts(host_ids)

local reply = {}
for i = 3, #ARGV, 4 do
  local session, asking = sessions[ARGV[i]], ARGV[i + 3]
  local kind, detail, connection = 'ended', '', ''
  if not session then
    kind = 'unknown'
  elseif session.epoch ~= tonumber(ARGV[i + 1]) or (asking ~= '' and asking ~= session.host) then
    kind = 'stale'
  elseif session.state == 'ended' then
    kind, detail = 'over', session.reason
  else
    local host = end_session(session, ARGV[i + 2])
    detail = encode_session(session)
    connection = host and host.connection or ''
  end
  local n = #reply
  reply[n + 1] = kind
  reply[n + 2] = detail
  reply[n + 3] = connection
end
commit()
return reply
