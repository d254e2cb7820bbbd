-- Finds offers that were not accepted in time, the oldest first. Removes stale entries of the list on the way.
--
-- Arguments
--   limit  how many at most
-- Returns their session ids
-- Invariant: an offer stays in the list until it is accepted or withdrawn, whichever broker stops in between.

local expired, index, stale = {}, 0, 0
while #expired < limit and stale < MAX_STALE do
  local due_at, ids = due_entry(offers_key, index)
  if not due_at then
    break
  end
  local before = #expired
  for _, id in ipairs(ids) do
    local session = sessions[id]
    if #expired < limit and session and session.state == 'offered' and session.due_at == due_at then
      expired[#expired + 1] = id
    end
  end
  if #expired == before then
    stale = stale + #ids
  end
  if #expired == before and index == 0 then
    redis.call('LPOP', offers_key)
  else
    index = index + 1
  end
end
return expired
