-- Assigns a free slot of a host to a session that has none.
local function assign_slot(session, host)
  session.host, session.slot = host.id, sub(host.free, -SLOT_LENGTH)
  host.free = sub(host.free, 1, -SLOT_LENGTH - 1)
  members[#members + 1] = host.id .. '/' .. session.slot
  members[#members + 1] = session.id
  added_sessions = added_sessions + 1
  host.committed = host.committed + 1
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
  change_host(host)
  change_session(session)
end
