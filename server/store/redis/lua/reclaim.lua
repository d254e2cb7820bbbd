-- Takes over a request, to give it another assignment, in that place.
--
-- KEYS  1 the player's requests
-- ARGV  4 requestId  5 sessionId  6 region  7 pool  8 the epoch it is taken over from
--       9 the new epoch
-- Returns the new epoch, or 0 when somebody else took the request over first
-- Keeps: epochs only rise; of two brokers that take over one request, one does.

local request, from_epoch, to_epoch = ARGV[4], tonumber(ARGV[8]), tonumber(ARGV[9])
local session, place = ARGV[5], ARGV[6] .. '|' .. ARGV[7]
local lines = read(KEYS[1])
local first, after, last = find(lines, request)
if first then
  local epoch
  session, epoch = string.match(string.sub(lines, after, last), '^([^|]*)|(%d+)|')
  if tonumber(epoch) ~= from_epoch then
    return 0
  end
  lines = string.sub(lines, 1, first - 1) .. string.sub(lines, last + 1)
end
note(KEYS[1], lines, request, session, to_epoch, place)
return to_epoch
