-- Passes letters on between the two ends of their sessions: says where the other end is, and leaves the letter
-- for that broker when it is not the caller. Letters lie beside the mail: in KEYS[10], field letters/<brokerId>,
-- firstAtMs;toHostId|sessionId|epoch|body and a line break for each; toHostId is empty when the client gets it.
--
-- ARGV  3 bytes that may wait for one broker  4... per letter: sessionId, epoch, hostId that writes or '', body
-- Returns per letter two texts: local, hostId | posted, brokerId | over, reason | away, '' | overflow, ''
--   | stale, '' | unknown, ''
-- Keeps: only the session's host and client write and get its letters, in the order of their forwarding.

local max_bytes = tonumber(ARGV[3])

local ids, host_ids = {}, {}
for i = 4, #ARGV, 4 do
  ids[#ids + 1] = ARGV[i]
end
load_sessions(ids)
for i = 4, #ARGV, 4 do
  local session = sessions[ARGV[i]]
  if session and ARGV[i + 2] == '' then
    host_ids[#host_ids + 1] = session.host
  end
end
load_hosts(host_ids)

-- What waits for each broker, and whether that is more by now.
local boxes, grown = {}, {}

local function leave_letter(broker, line)
  local box = boxes[broker] or redis.call('HGET', KEYS[10], 'letters/' .. broker) or (now .. ';')
  local fits = #box + #line <= max_bytes
  if fits then
    box = box .. line
    grown[broker] = true
  end
  boxes[broker] = box
  return fits
end

local reply = {}
for i = 4, #ARGV, 4 do
  local session, from = sessions[ARGV[i]], ARGV[i + 2]
  local kind, detail = 'unknown', ''
  if session and session.epoch ~= tonumber(ARGV[i + 1]) then
    kind = 'stale'
  elseif session and (from == '' or from == session.host) then
    local host = from == '' and hosts[session.host]
    local broker = session.broker
    if from == '' then
      broker = host and broker_of(host.connection) or ''
    end
    if session.state == 'ended' then
      kind, detail = 'over', session.reason
    elseif broker == '' then
      kind = 'away'
    elseif broker == caller then
      kind, detail = 'local', session.host
    else
      local to = from == '' and session.host or ''
      local line = to .. '|' .. session.id .. '|' .. ARGV[i + 1] .. '|' .. ARGV[i + 3] .. '\n'
      if leave_letter(broker, line) then
        kind, detail = 'posted', broker
      else
        kind = 'overflow'
      end
    end
  end
  reply[#reply + 1] = kind
  reply[#reply + 1] = detail
end
for broker in pairs(grown) do
  redis.call('HSET', KEYS[10], 'letters/' .. broker, boxes[broker])
end
return reply
