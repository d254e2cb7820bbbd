-- Records in the inbox of another broker that a session changed.
local function record_change(broker, session_id)
  if broker ~= '' and broker ~= caller_id then
    local ids = changed_for[broker] or {}
    ids[#ids + 1] = session_id
    changed_for[broker] = ids
  end
end
