-- Notes where a request was placed.
--
-- KEYS  1 the player's requests
-- ARGV  4 requestId  5 sessionId  6 region  7 pool
-- Keeps: a request that was taken over or forgotten meanwhile stays as it is.

local lines = read(KEYS[1])
local first, after, last = find(lines, ARGV[4])
if first then
  local session, epoch, drawn, _, made_at = read_line(lines, after, last)
  if session == ARGV[5] then
    local place = ARGV[6] .. '|' .. ARGV[7]
    rewrite(KEYS[1], lines, first, last, line_of(ARGV[4], session, epoch, drawn, place, made_at))
  end
end
return 'ok'
