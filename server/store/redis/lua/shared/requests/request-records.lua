-- Records of a player's requests: one text a player. Its first line is the live request, empty when there is none; the others
-- follow, newest first. A line is #requestId|sessionId|epoch|allocatedEpoch|region|pool|recordedAtMs, where allocatedEpoch is the
-- highest one allocated, 0 for none. It ends with ! when another request has replaced this one.

-- The player's live line and the others, empty for none. Redis deletes old ones in time by itself, but not by a test's clock.
local function read_requests(key)
  local text = redis.call('GET', key) or '\n'
  local newest_at = 0
  for recorded_at in string.gmatch(text, '|(%d+)!?\n') do
    newest_at = math.max(newest_at, recorded_at)
  end
  if newest_at + REQUEST_KEPT_MS <= now_ms then
    return '', ''
  end
  local first_end = string.find(text, '\n', 1, true)
  return first_end == 1 and '' or string.sub(text, 1, first_end), string.sub(text, first_end + 1)
end

-- The line of a request among these, or nil.
local function find_line(lines, request_id)
  local first = string.find(lines, '#' .. request_id .. '|', 1, true)
  return first and string.sub(lines, first, (string.find(lines, '\n', first, true)))
end

-- What a line says: requestId, sessionId, epoch, allocatedEpoch, region|pool, recordedAtMs, ! or nothing.
local function decode_line(line)
  local request_id, session_id, epoch, allocated, region_pool, recorded_at, mark =
    string.match(line, '^#([^|]*)|([^|]*)|(%d+)|(%d+)|(.*)|(%d+)(!?)\n$')
  return request_id, session_id, tonumber(epoch), tonumber(allocated), region_pool, recorded_at, mark
end

-- What a reply says of a line: state|requestId|sessionId|epoch|region|pool|ageMs.
local function describe_line(line, live)
  local request_id, session_id, epoch, _, region_pool, recorded_at, mark = decode_line(line)
  local state = line == live and 'live' or mark == '!' and 'replaced' or 'over'
  return table.concat({ state, request_id, session_id, epoch, region_pool, now_ms - recorded_at }, '|')
end
