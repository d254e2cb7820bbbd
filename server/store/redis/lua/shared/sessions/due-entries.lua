-- Reads the lists of sessions that become due.

-- Most entries that are due were claimed or ended long ago: one call removes at most about so many stale sessions.
local MAX_STALE = 8000

-- The entry at that index of a list if its time has come: the time, and the ids of its sessions, which are loaded. Else nil.
local function due_entry(key, index)
  local entry = redis.call('LINDEX', key, index)
  local due_at = tonumber(string.match(entry or '', '^%d+'))
  if not due_at or due_at > now_ms then
    return nil
  end
  local ids = {}
  for id in string.gmatch(string.match(entry, ';(.*)$'), '[^,]+') do
    ids[#ids + 1] = id
  end
  load_sessions(ids)
  return due_at, ids
end

-- Takes up to `limit` sessions that still have that state and that time from the head of a list, and calls `act` for each.
-- Stale ones are removed from the list.
local function take_due(key, state, limit, act)
  local taken, stale = 0, 0
  while taken < limit and stale < MAX_STALE do
    local due_at, ids = due_entry(key, 0)
    if not due_at then
      break
    end
    local seen = 0
    while seen < #ids and taken < limit do
      seen = seen + 1
      local session = sessions[ids[seen]]
      if session and session.state == state and session.due_at == due_at then
        act(session)
        taken = taken + 1
      else
        stale = stale + 1
      end
    end
    if seen == #ids then
      redis.call('LPOP', key)
    else
      redis.call('LSET', key, 0, text_of[due_at] .. ';' .. table.concat(ids, ',', seen + 1))
    end
  end
end
