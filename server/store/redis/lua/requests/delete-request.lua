-- Deletes a request that was refused, so that it may be tried again.
--
-- Keys
--   requests    the player's requests
-- Arguments
--   request_id
-- Invariant: a request that another one has replaced stays.

local live, remembered = read_requests(requests_key)
if find_line(live, request_id) then
  write_requests(requests_key, '', remembered, false)
else
  local line = find_line(remembered, request_id)
  if line and string.sub(line, -2, -2) ~= '!' then
    write_requests(requests_key, live, replace_line(remembered, line, ''), false)
  end
end
return 'ok'
