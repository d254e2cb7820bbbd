-- Shared by every script that asks what time it is: Redis's own, unless ARGV[1] says another (in a test).

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
