-- Relays messages between the client and the host of their sessions: says where the recipient is, and puts the message into the
-- inbox of that broker unless it is the caller. Field messages/<brokerId>: firstAtMs;toHostId|sessionId|epoch|body and a line break
-- for each; toHostId is empty when the client is the recipient.
--
-- Arguments
--   caller_id        the calling broker
-- Lists
--   session_ids
--   epochs
--   sender_host_ids  the host that sends, '' for the client
--   bodies
-- Returns per message two texts: local, hostId | forwarded, brokerId | over, reason | disconnected, '' | overflow, '' | stale, ''
--   | unknown, ''
-- Invariant: only the session's host and client send and get its messages, in the order of the calls.

-- The inboxes of other brokers, and those that grew.
local inboxes, grown = {}, {}

-- Puts a line into the inbox of a broker. Returns whether it fits.
local function add_line(broker, line)
  local inbox = inboxes[broker] or redis.call('HGET', inbox_key, 'messages/' .. broker) or (now_ms .. ';')
  local fits = #inbox + #line <= INBOX_MAX_BYTES
  if fits then
    inbox = inbox .. line
    grown[broker] = true
  end
  inboxes[broker] = inbox
  return fits
end

-- The broker that the host of a session is connected to, or ''.
local function host_broker_of(session)
  local host = hosts[session.host]
  return host and broker_of(host.connection) or ''
end

-- Relays one message of a known session. Returns the two texts of the reply.
local function relay(session, epoch, sender_host_id, body)
  local from_client = sender_host_id == ''
  if session.epoch ~= tonumber(epoch) then
    return 'stale', ''
  elseif not from_client and sender_host_id ~= session.host then
    return 'unknown', ''
  elseif session.state == 'ended' then
    return 'over', session.reason
  end
  local broker = from_client and host_broker_of(session) or not from_client and session.broker or ''
  if broker == '' then
    return 'disconnected', ''
  elseif broker == caller_id then
    return 'local', session.host
  end
  local to_host_id = from_client and session.host or ''
  if add_line(broker, to_host_id .. '|' .. session.id .. '|' .. epoch .. '|' .. body .. '\n') then
    return 'forwarded', broker
  end
  return 'overflow', ''
end

load_sessions(session_ids)
local recipient_host_ids = {}
for i = 1, item_count do
  local session = sessions[session_ids[i]]
  if session and sender_host_ids[i] == '' then
    recipient_host_ids[#recipient_host_ids + 1] = session.host
  end
end
load_hosts(recipient_host_ids)

local reply = new_list(item_count * 2)
for i = 1, item_count do
  local session = sessions[session_ids[i]]
  if session then
    reply[i * 2 - 1], reply[i * 2] = relay(session, epochs[i], sender_host_ids[i], bodies[i])
  else
    reply[i * 2 - 1], reply[i * 2] = 'unknown', ''
  end
end
for broker in pairs(grown) do
  redis.call('HSET', inbox_key, 'messages/' .. broker, inboxes[broker])
end
return reply
