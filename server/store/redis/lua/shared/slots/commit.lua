-- Writes every change of this call once: records, counters, orders and inboxes change together. More changes may follow, and
-- another commit.
local function commit()
  call_with_values('HSET', members_key, members)
  if added_sessions ~= 0 then
    redis.call('HINCRBY', totals_key, 'sessions', added_sessions)
  end
  if freed_slots ~= 0 then
    redis.call('HINCRBY', totals_key, 'freed', freed_slots)
  end
  members, added_sessions, freed_slots = {}, 0, 0
  commit_hosts()
  commit_sessions()
  write_changes()
end
