-- Which offers nobody accepted in time, the oldest first. Strikes off the entries of those that are gone.
--
-- ARGV  3 how many at the most
-- Returns their sessionIds
-- Keeps: an offer is in the list until it is accepted or taken back, whoever asks and dies.

local limit = tonumber(ARGV[3])
local missed, at, struck = {}, 0, 0
while #missed < limit and struck < MAX_STRUCK do
  local due_at, ids = due_entry(KEYS[14], at)
  if not due_at then
    break
  end
  local before = #missed
  for _, id in ipairs(ids) do
    local session = sessions[id]
    if #missed < limit and session and session.state == 'offered' and session.due_at == due_at then
      missed[#missed + 1] = id
    end
  end
  if #missed == before then
    struck = struck + #ids
  end
  if #missed == before and at == 0 then
    redis.call('LPOP', KEYS[14])
  else
    at = at + 1
  end
end
return missed
