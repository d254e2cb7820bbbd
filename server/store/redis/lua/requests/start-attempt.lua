-- Takes over a request, to give it another assignment, in that place.
--
-- KEYS  1 the player's requests
-- ARGV  4 requestId  5 sessionId  6 region  7 pool  8 the epoch it is taken over from
-- Returns the new epoch, above the given one and all that were drawn, or 0 when somebody else took the request over first
-- Keeps: epochs only rise, and none is given twice; of two brokers that take over one request, one does.

local request, from_epoch = ARGV[4], tonumber(ARGV[8])
local session, place = ARGV[5], ARGV[6] .. '|' .. ARGV[7]
local lines = read(KEYS[1])
local first, after, last = find(lines, request)
local drawn = 0
if first then
  local epoch
  session, epoch, drawn = read_line(lines, after, last)
  if epoch ~= from_epoch then
    return 0
  end
  lines = without(lines, first, last)
end
local epoch = math.max(from_epoch, drawn) + 1
note(KEYS[1], lines, request, session, epoch, drawn, place)
return epoch
