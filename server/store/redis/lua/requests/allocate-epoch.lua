-- Draws the epoch of an attempt to move a request's session.
--
-- KEYS  1 the player's requests
-- ARGV  4 requestId  5 sessionId  6 region  7 pool  8 the epoch it has to be above
-- Returns the epoch, and the one that the request has
-- Keeps: no epoch is given twice; the request has the epoch, the place and the age that it had.

local request, above = ARGV[4], tonumber(ARGV[8])
local lines = read(KEYS[1])
local first, after, last = find(lines, request)
if not first then
  note(KEYS[1], lines, request, ARGV[5], above, above + 1, ARGV[6] .. '|' .. ARGV[7])
  return { tostring(above + 1), tostring(above) }
end
local session, epoch, drawn, place, made_at = read_line(lines, after, last)
drawn = math.max(above, epoch, drawn) + 1
rewrite(KEYS[1], lines, first, last, line_of(request, session, epoch, drawn, place, made_at))
return { tostring(drawn), tostring(epoch) }
