-- The time: that of Redis, unless a test sets another.

local now_ms = test_now_ms
if not now_ms then
  local time = redis.call('TIME')
  now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
end
