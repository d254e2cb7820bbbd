-- Shared by the scripts of players' requests.
--
-- KEYS  each a player's requests, newest first, a line each:
--         #requestId|sessionId|epoch|drawnEpoch|region|pool|claimedAtMs; drawnEpoch is the highest that was drawn, 0 for none
-- ARGV  1 milliseconds since 1970 when a test says what time it is, '' in production
--       2 milliseconds a player is remembered  3 requests remembered per player

-- The player's lines. Redis drops them in time by itself, but not by a test's clock.
local function read(key)
  local lines = redis.call('GET', key) or ''
  local newest_at = string.match(lines, '^[^\n]*|(%d+)\n')
  return newest_at and newest_at + ARGV[2] > now and lines or ''
end

-- Where the line of a request is, or nil: its first character, the one after its name, its last.
local function find(lines, request)
  local first, after = string.find(lines, '#' .. request .. '|', 1, true)
  if first then
    return first, after + 1, string.find(lines, '\n', after, true)
  end
end

-- What a line says of a request after its name: sessionId, epoch, drawnEpoch, region|pool, claimedAtMs.
local function read_line(lines, after, last)
  local session, epoch, drawn, place, made_at =
    string.match(string.sub(lines, after, last), '^([^|]*)|(%d+)|(%d+)|(.*)|(%d+)\n$')
  return session, tonumber(epoch), tonumber(drawn), place, made_at
end

-- A request's line with the name of its request.
local function line_of(request, session, epoch, drawn, place, made_at)
  return '#' .. request .. '|' .. session .. '|' .. epoch .. '|' .. drawn .. '|' .. place .. '|' .. made_at .. '\n'
end

-- Puts a request before the others, of which all but the newest few are forgotten.
local function note(key, lines, request, session, epoch, drawn, place)
  local all = line_of(request, session, epoch, drawn, place, now) .. lines
  local last = 0
  for _ = 1, tonumber(ARGV[3]) do
    last = string.find(all, '\n', last + 1, true) or #all
  end
  redis.call('SET', key, string.sub(all, 1, last), 'PX', ARGV[2])
end

-- The same with another line for a request, where it stands.
local function rewrite(key, lines, first, last, line)
  redis.call('SET', key, string.sub(lines, 1, first - 1) .. line .. string.sub(lines, last + 1), 'KEEPTTL')
end

-- The lines without one of them.
local function without(lines, first, last)
  return string.sub(lines, 1, first - 1) .. string.sub(lines, last + 1)
end
