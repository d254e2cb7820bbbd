-- Releases the slot of a live session. Returns its host if the store knows it.
local function release_slot(session)
  added_sessions = added_sessions - 1
  if session.state ~= 'offered' then
    freed_slots = freed_slots + 1
  end
  local host = load_host(session.host)
  if host then
    host.committed = host.committed - 1
    -- A host that registered again with fewer slots gets none back until it is below them.
    if host.committed < host.slots then
      host.free = host.free .. session.slot
    end
    host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
    host.ramping = withdraw_ramping(host.ramping, host.slots, now_ms - session.reserved_at)
    change_host(host)
    if session.state ~= 'offered' then
      record_change(broker_of(host.connection), session.id)
    end
  end
  return host
end
