-- Reserves a slot for a session that is to move to this region pool: the target reservation.
--
-- Arguments
--   reservation_id    of the target reservation
--   epoch
--   coordinator_id    the broker that carries out the move
--   meta
--   ttl_ms            how long the slot stays reserved
--   excluded_host_id  '' for none
--   max_congestion    of a host, in millionths
-- Returns reserved, hostId, connectionId | full | closed | over
-- Invariants: reserved and used slots never exceed the slots of a host; nothing new is placed where operators closed; no waiting entry
--   and no lost session is passed over.

local known = load_session(reservation_id)
if known and (known.epoch >= epoch or is_live(known.state)) then
  return { 'over' }
end
if redis.call('HGET', totals_key, 'closure') then
  return { 'closed' }
end
-- While an entry waits, only slots that are kept for lost sessions are free.
if redis.call('EXISTS', queue_key) == 1 or spare_slots(1) == 0 then
  return { 'full' }
end

-- The least congested host that is not excluded, loaded, or nil. A silent one becomes suspect and gets nothing.
local function find_host()
  local index = 0
  while true do
    local name = redis.call('ZRANGE', free_key, index, index)[1]
    local host = name and load_host(name)
    if not name then
      return nil
    elseif not host then
      redis.call('ZREM', free_key, name)
    elseif now_ms - host.heartbeat_at > SUSPECT_AFTER_MS then
      set_state(host, 'suspect')
      commit()
    elseif free_score(host) > max_congestion then
      return nil
    elseif host.id ~= excluded_host_id then
      return host
    else
      index = index + 1
    end
  end
end

local host = find_host()
if not host then
  return { 'full' }
end
local reservation = new_session(reservation_id, epoch, 'arriving', coordinator_id, meta)
reservation.due_at = now_ms + ttl_ms
host.ramping = host.ramping + floor(FULL / host.slots)
assign_slot(reservation, host)
if host.trial then
  set_closed(host, close_after_trial(host.id))
  host.trial = false
end
commit()
return { 'reserved', host.id, host.connection }
