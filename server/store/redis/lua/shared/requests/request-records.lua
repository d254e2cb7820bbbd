-- Records of a player's requests: one text a player, newest first, a line each:
-- #requestId|sessionId|epoch|allocatedEpoch|region|pool|recordedAtMs; allocatedEpoch is the highest one allocated, 0 for none.

-- The player's lines. Redis deletes old ones in time by itself, but not by a test's clock.
local function read_lines(key)
  local lines = redis.call('GET', key) or ''
  local newest_at = string.match(lines, '^[^\n]*|(%d+)\n')
  return newest_at and newest_at + REQUEST_KEPT_MS > now_ms and lines or ''
end

-- Where the line of a request is: its first character, the one after the request id, its last. Nil when there is none.
local function find_line(lines, request_id)
  local first, after = string.find(lines, '#' .. request_id .. '|', 1, true)
  if first then
    return first, after + 1, string.find(lines, '\n', after, true)
  end
end

-- What a line says after the request id: sessionId, epoch, allocatedEpoch, region|pool, recordedAtMs.
local function decode_line(lines, after, last)
  local session_id, epoch, allocated, region_pool, recorded_at =
    string.match(string.sub(lines, after, last), '^([^|]*)|(%d+)|(%d+)|(.*)|(%d+)\n$')
  return session_id, tonumber(epoch), tonumber(allocated), region_pool, recorded_at
end

local function encode_line(request_id, session_id, epoch, allocated, region_pool, recorded_at)
  return '#' .. request_id .. '|' .. session_id .. '|' .. epoch .. '|' .. allocated .. '|' .. region_pool .. '|' .. recorded_at
    .. '\n'
end

-- Puts a request before the others, of which the newest REQUESTS_PER_PLAYER stay.
local function prepend_request(key, lines, request_id, session_id, epoch, allocated, region_pool)
  local all = encode_line(request_id, session_id, epoch, allocated, region_pool, now_ms) .. lines
  local last = 0
  for _ = 1, REQUESTS_PER_PLAYER do
    last = string.find(all, '\n', last + 1, true) or #all
  end
  redis.call('SET', key, string.sub(all, 1, last), 'PX', REQUEST_KEPT_MS)
end
