-- Shared by every script that asks what time it is: Redis's own, unless ARGV[1] says another (in a test).

local function clock()
  if ARGV[1] ~= '' then
    return tonumber(ARGV[1])
  end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local now = clock()
