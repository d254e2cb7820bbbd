-- Notes what hosts say about their sessions: claimed, connected, disconnected.
--
-- ARGV  3... per change: sessionId, epoch, hostId, new state, the states it may come from with a comma around each
-- Returns per change two texts: changed, record | over, reason | stale, '' | unknown, '' | bad_transition, ''
-- Keeps: only the current epoch on the current host changes a session; a claimed reservation no longer expires.

local ids, host_ids = {}, {}
for i = 3, #ARGV, 5 do
  ids[#ids + 1] = ARGV[i]
  host_ids[#host_ids + 1] = ARGV[i + 2]
end
load_sessions(ids)
load_hosts(host_ids)

local reply = {}
for i = 3, #ARGV, 5 do
  local session, host, to = sessions[ARGV[i]], hosts[ARGV[i + 2]], ARGV[i + 3]
  local kind, detail = 'changed', ''
  if not session then
    kind = 'unknown'
  elseif session.epoch ~= tonumber(ARGV[i + 1]) or session.host ~= ARGV[i + 2] then
    kind = 'stale'
  elseif session.state == 'ended' then
    kind, detail = 'over', session.reason
  elseif not string.find(ARGV[i + 4], ',' .. session.state .. ',', 1, true) then
    kind = 'bad_transition'
  elseif not host then
    kind = 'unknown'
  else
    if session.state ~= to then
      restate(session, host, session.epoch, to)
      post(session.broker, session.id)
    end
    detail = encode_session(session)
  end
  reply[#reply + 1] = kind
  reply[#reply + 1] = detail
end
commit()
return reply
