-- Records what hosts report about their sessions: claimed, connected, disconnected.
--
-- Arguments
--   caller_id      the calling broker
-- Lists
--   session_ids
--   epochs
--   host_ids
--   states
--   source_states  the states that may precede, with a comma around each
-- Returns per change two texts: changed, record | over, reason | stale, '' | unknown, '' | bad_transition, ''
-- Invariants: only the current epoch on the current host changes a session; a claimed reservation no longer expires, and proves that
--   its host works: the failures of the host are forgotten.

load_sessions(session_ids)
load_hosts(host_ids)

-- Hosts on which clients claimed sessions.
local claimed_on = {}

-- Carries out one change. Returns the two texts of the reply.
local function change_state(i)
  local session, host = sessions[session_ids[i]], hosts[host_ids[i]]
  if not session then
    return 'unknown', ''
  elseif session.epoch ~= tonumber(epochs[i]) or session.host ~= host_ids[i] then
    return 'stale', ''
  elseif session.state == 'ended' then
    return 'over', session.reason
  elseif not string.find(source_states[i], ',' .. session.state .. ',', 1, true) then
    return 'bad_transition', ''
  elseif not host then
    return 'unknown', ''
  end
  if session.state ~= states[i] then
    if session.state == 'reserved' then
      claimed_on[#claimed_on + 1] = host.id
    end
    update_session(session, host, session.epoch, states[i])
    record_change(session.broker, session.id)
  end
  return 'changed', encode_session(session)
end

local reply = {}
for i = 1, item_count do
  reply[i * 2 - 1], reply[i * 2] = change_state(i)
end
call_with_values('HDEL', failures_key, claimed_on)
commit()
return reply
