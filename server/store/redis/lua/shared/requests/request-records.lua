-- Records of a player's requests: one text a player. It begins with a mark, 1 when the first line is the live request, 0 when
-- none is live. The lines follow, newest first. A line is #requestId|sessionId|epoch|allocatedEpoch|region|pool|recordedAtMs, where allocatedEpoch is the
-- highest one allocated, 0 for none. It ends with ! when another request has replaced this one.

local LIVE_MARK = string.byte('1')

-- Whether a line is recent enough. The first one mostly is, so the others are seldom read.
local function is_kept(text)
  for recorded_at in string.gmatch(text, '|(%d+)!?\n') do
    if tonumber(recorded_at) + REQUEST_KEPT_MS > now_ms then
      return true
    end
  end
  return false
end

-- The player's live line and the others, empty for none. Redis deletes old ones in time by itself, but not by a test's clock.
local function read_requests(key)
  local text = redis.call('GET', key)
  if not text or not is_kept(text) then
    return '', ''
  end
  local live_end = string.byte(text) == LIVE_MARK and string.find(text, '\n', 1, true) or 1
  return string.sub(text, 2, live_end), string.sub(text, live_end + 1)
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
