-- Forgets a request that was refused, so that it may be tried again.
--
-- KEYS  1 the player's requests
-- ARGV  4 requestId

local lines = read(KEYS[1])
local first, _, last = find(lines, ARGV[4])
if first then
  local rest = without(lines, first, last)
  if rest == '' then
    redis.call('DEL', KEYS[1])
  else
    redis.call('SET', KEYS[1], rest, 'KEEPTTL')
  end
end
return 'ok'
