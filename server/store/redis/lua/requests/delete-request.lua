-- Deletes a request that was refused, so that it may be tried again.
--
-- Keys
--   requests    the player's requests
-- Arguments
--   request_id

local lines = read_lines(requests_key)
local first, _, last = find_line(lines, request_id)
if first then
  local others = without_line(lines, first, last)
  if others == '' then
    redis.call('DEL', requests_key)
  else
    redis.call('SET', requests_key, others, 'KEEPTTL')
  end
end
return 'ok'
