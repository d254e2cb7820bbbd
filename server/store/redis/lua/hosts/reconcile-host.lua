-- Makes the store agree with the sessions that a host reports: the host is right about sessions that run, the store about sessions
-- that ended.
--
-- Arguments
--   caller_id      the calling broker
--   host_id
--   connection_id
-- Lists
--   session_ids
--   epochs
--   states
-- Returns ok | replaced | unknown, then five lists:
--   ended (sessionId, record, connectionId), rejected (sessionId, epoch, reason), adopted (sessionId, record),
--   arriving (sessionId): this host holds a slot for them, which complete-move.lua gives them,
--   returned (sessionId): those of the adopted ones that had ended
-- Invariants: a session is adopted only into a free slot; no more slots are reserved than the host has; epochs only rise; the
--   host's counter and digest are those of its sessions.

local host = load_host(host_id)
if not host or host.connection ~= connection_id then
  serve_queue()
  return { host and 'replaced' or 'unknown' }
end

-- The target reservation of a move has the session's id and a plus sign; see domain/target-reservation.ts.
local function reservation_id_of(session_id)
  return session_id .. '+'
end

-- Target reservations of reported sessions stay, too.
local ids, reported = {}, {}
for _, session_id in ipairs(session_ids) do
  for _, id in ipairs({ session_id, reservation_id_of(session_id) }) do
    ids[#ids + 1] = id
    reported[id] = true
  end
end

local ended, rejected, adopted, arriving, returned = {}, {}, {}, {}, {}

-- Reservations that the host does not know yet. They give way, the last first, to sessions that run and that the store has lost.
local unclaimed = {}
for _, session in ipairs(live_sessions_of(host)) do
  if not reported[session.id] then
    if session.state == 'reserved' or session.state == 'offered' or session.state == 'arriving' then
      unclaimed[#unclaimed + 1] = session
    else
      end_and_add(ended, session, 'host_lost')
    end
  end
end

-- Which session keeps its slot first: an offer gives way first, then the target of a move, whose session runs elsewhere; of equal ones
-- the one whose slot was reserved last.
local PRECEDENCE = { reserved = 1, arriving = 2, offered = 3 }
table.sort(unclaimed, function(a, b)
  if a.state ~= b.state then
    return PRECEDENCE[a.state] < PRECEDENCE[b.state]
  elseif a.reserved_at ~= b.reserved_at then
    return a.reserved_at < b.reserved_at
  end
  return name_before(a.id, b.id)
end)

local function has_free_slot()
  return host.committed < host.slots
end

-- Reservations that do not fit any more: the host has fewer slots than before.
while host.committed > host.slots and #unclaimed > 0 do
  end_and_add(ended, table.remove(unclaimed), 'host_lost')
end

-- A player who was only offered a slot waits on if a session that has lost its host needs it.
local lost_count = redis.call('ZCOUNT', lost_key, '(' .. string.format('%d', now_ms), '+inf')
while #unclaimed > 0 and unclaimed[#unclaimed].state == 'offered' and host.slots - host.committed < lost_count do
  end_and_add(ended, table.remove(unclaimed), 'host_lost')
end

local function make_room()
  if not has_free_slot() and #unclaimed > 0 then
    end_and_add(ended, table.remove(unclaimed), 'host_lost')
  end
  return has_free_slot()
end

-- Whether the host may bring back a session that ended: for REVERSIBLE_REASONS, for example when the host was thought lost.
local function may_revive(known, epoch)
  if epoch > known.epoch and make_room() then
    return true
  end
  return epoch == known.epoch and string.find(REVERSIBLE_REASONS, known.reason .. ',', 1, true) and has_free_slot()
end

-- 'adopt', 'same', or the reason to reject it; the rules of memory/hosts/reconcile-host.ts.
local function judge(known, epoch, state)
  if not known then
    return make_room() and 'adopt' or 'error'
  end
  if known.state == 'ended' then
    return may_revive(known, epoch) and 'adopt' or known.reason
  end
  if known.host == host.id and epoch >= known.epoch then
    return known.epoch == epoch and known.state == state and 'same' or 'adopt'
  end
  return epoch > known.epoch and make_room() and 'adopt' or 'superseded'
end

-- The verdict on a session with a target reservation here for the reported epoch, or nil when it has none.
local function judge_arrival(known, reservation, epoch)
  if reservation and reservation.host == host.id and reservation.epoch == epoch and not (known and known.epoch >= epoch) then
    return reservation.state == 'arriving' and 'arriving' or reservation.reason
  end
end

local function adopt(id, known, epoch, state)
  delete_waiting(id)
  redis.call('ZREM', lost_key, id)
  local session = known
  if known and known.state ~= 'ended' and known.host == host.id then
    if known.state == 'reserved' then
      redis.call('HDEL', failures_key, host.id)
    end
    update_session(known, host, epoch, state)
  else
    if not known then
      session = new_session(id, epoch, state, '', '')
    elseif known.state ~= 'ended' then
      release_slot(known)
    end
    session.due_at = state == 'disconnected' and now_ms + RESUME_WINDOW_MS or 0
    session.epoch, session.state, session.reason = epoch, state, ''
    -- On this host it becomes due anew, whatever its state was before.
    session.stored_state = false
    assign_slot(session, host)
  end
  record_change(session.broker, id)
end

load_sessions(ids)
for i, id in ipairs(session_ids) do
  local epoch, state, known = tonumber(epochs[i]), states[i], sessions[id]
  local verdict = judge_arrival(known, sessions[reservation_id_of(id)], epoch) or judge(known, epoch, state)
  if verdict == 'arriving' then
    arriving[#arriving + 1] = id
  elseif verdict == 'adopt' then
    if known and known.state == 'ended' then
      returned[#returned + 1] = id
    end
    adopt(id, known, epoch, state)
    adopted[#adopted + 1] = id
    adopted[#adopted + 1] = encode_session(sessions[id])
  elseif verdict ~= 'same' then
    rejected[#rejected + 1] = id
    rejected[#rejected + 1] = epochs[i]
    rejected[#rejected + 1] = verdict
  end
end

-- A host that was joining is known by now. Its slots are free for sessions that it has lost, unless it still holds sessions that it
-- has to end.
if host.state == 'joining' and #rejected == 0 then
  set_state(host, 'ready')
end
commit_and_serve_queue()
return { 'ok', ended, rejected, adopted, arriving, returned }
