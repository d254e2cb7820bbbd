-- Notes for placements that wait or were offered a slot that they missed an offer in another place.
--
-- ARGV  3... sessionId

for i = 3, #ARGV do
  local waiting = load_waiting(ARGV[i])
  if waiting and waiting.misses == 0 then
    waiting.misses = 1
    save_waiting(waiting)
  end
end
return 'ok'
