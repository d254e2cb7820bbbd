-- Records for entries that wait here or have an offer here that they missed an offer in another region pool.
--
-- Lists
--   session_ids

for _, id in ipairs(session_ids) do
  local waiting = load_waiting(id)
  if waiting and waiting.misses == 0 then
    waiting.misses = 1
    save_waiting(waiting)
  end
end
return 'ok'
