-- Changes of a player's requests.

-- replaced_by: nil or empty for a request that no other one has replaced.
local function encode_line(request_id, session_id, epoch, allocated, region_pool, recorded_at, replaced_by)
  local fields = table.concat({ request_id, session_id, epoch, allocated, region_pool, recorded_at }, '|')
  return '#' .. fields .. ((replaced_by or '') == '' and '' or '!' .. replaced_by) .. '\n'
end

local function replace_line(lines, line, by)
  local first = string.find(lines, line, 1, true)
  return string.sub(lines, 1, first - 1) .. by .. string.sub(lines, first + #line)
end

-- The newest of these lines that a request has replaced, or nil.
local function find_replaced_line(lines, by_request_id)
  local mark = string.find(lines, '!' .. by_request_id .. '\n', 1, true)
  if not mark then
    return nil
  end
  local first = 1
  for line_end in string.gmatch(string.sub(lines, 1, mark), '\n()') do
    first = line_end
  end
  return string.sub(lines, first, (string.find(lines, '\n', mark, true)))
end

-- Stores the requests, of which the live one and the newest others stay. is_attempt: one of them was recorded just now.
local function write_requests(key, live, remembered, is_attempt)
  local last = 0
  for _ = 1, live == '' and REQUESTS_PER_PLAYER or REQUESTS_PER_PLAYER - 1 do
    last = string.find(remembered, '\n', last + 1, true) or #remembered
  end
  local text = (live == '' and '0' or '1') .. live .. string.sub(remembered, 1, last)
  if text == '0' then
    redis.call('DEL', key)
  elseif is_attempt then
    redis.call('SET', key, text, 'PX', REQUEST_KEPT_MS)
  else
    redis.call('SET', key, text, 'KEEPTTL')
  end
end
