-- Gives a request the epoch that was drawn for it, in that place.
--
-- KEYS  1 the player's requests
-- ARGV  4 requestId  5 sessionId  6 region  7 pool  8 the epoch that it had then  9 the one drawn
-- Returns 1 when the request has it now, 0 when it went on otherwise since
-- Keeps: epochs only rise; of two attempts, one succeeds.

local request, from_epoch, to_epoch = ARGV[4], tonumber(ARGV[8]), tonumber(ARGV[9])
local session, place = ARGV[5], ARGV[6] .. '|' .. ARGV[7]
local lines = read(KEYS[1])
local first, after, last = find(lines, request)
local drawn = 0
if first then
  local epoch, known_place
  session, epoch, drawn, known_place = read_line(lines, after, last)
  if epoch ~= from_epoch then
    return epoch == to_epoch and known_place == place and 1 or 0
  end
  lines = without(lines, first, last)
end
note(KEYS[1], lines, request, session, to_epoch, drawn, place)
return 1
