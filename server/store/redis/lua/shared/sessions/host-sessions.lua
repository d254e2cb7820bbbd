-- The live sessions of a host, loaded, in the order of their ids. Entries of free slots are stale and count for nothing.
local function live_sessions_of(host)
  local fields, slots = {}, {}
  for number = 0, host.named - 1 do
    slots[number + 1] = slot_name(number)
    fields[number + 1] = host.id .. '/' .. slots[number + 1]
  end
  local ids, slot_of = {}, {}
  for first = 1, #fields, MAX_VALUES do
    local last = math.min(first + MAX_VALUES - 1, #fields)
    for i, id in ipairs(redis.call('HMGET', members_key, unpack(fields, first, last))) do
      if id then
        ids[#ids + 1] = id
        slot_of[#ids] = slots[first + i - 1]
      end
    end
  end
  load_sessions(ids)
  local found = {}
  for i = 1, #ids do
    local session = sessions[ids[i]]
    if session and is_live(session.state) and session.host == host.id and session.slot == slot_of[i] then
      found[#found + 1] = session
    end
  end
  table.sort(found, function(a, b)
    return name_before(a.id, b.id)
  end)
  return found
end
