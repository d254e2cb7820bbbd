-- Finds the request of a session.

-- The newest line with the session: another request may have resumed it. Else the line of the request of that id, or nil.
local function find_session_line(live, remembered, request_id, session_id)
  local lines = live .. remembered
  for line in string.gmatch(lines, '[^\n]*\n') do
    if string.find(line, '|' .. session_id .. '|', 1, true) then
      return line
    end
  end
  return find_line(lines, request_id)
end
