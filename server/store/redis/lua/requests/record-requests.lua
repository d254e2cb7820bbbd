-- Notes players' requests; the first of equal ones is new, the others get its record.
--
-- KEYS  one per claim, all of one shard
-- ARGV  4... per claim: requestId, sessionId, region, pool
-- Returns per claim: new, with |requestId|sessionId|epoch|region|pool|ageMs of the player's newest other request;
--   or sessionId|epoch|region|pool|ageMs
-- Keeps: one request of a player becomes one session.

local reply = {}
for i, key in ipairs(KEYS) do
  local at = i * 4
  local lines = read(key)
  local first, after, last = find(lines, ARGV[at])
  if first then
    local session, epoch, _, place, claimed_at = read_line(lines, after, last)
    reply[i] = session .. '|' .. epoch .. '|' .. place .. '|' .. (now - claimed_at)
  else
    note(key, lines, ARGV[at], ARGV[at + 1], 1, 0, ARGV[at + 2] .. '|' .. ARGV[at + 3])
    local previous, epoch, place, made_at = string.match(lines, '^#([^|]*|[^|]*)|(%d+)|%d+|([^\n]*)|(%d+)\n')
    reply[i] = previous and 'new|' .. previous .. '|' .. epoch .. '|' .. place .. '|' .. (now - made_at) or 'new'
  end
end
return reply
