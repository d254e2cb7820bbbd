-- Sessions as text, as the store keeps them and callers get them.

local time_of = memo(function(ms)
  return string.format(TIME_FORMAT, ms)
end)
local state_code = memo(function(state)
  return code_of(STATE_CODES, state)
end)

local function encode_session(session)
  local mark = session.reason ~= '' and code_of(REASON_CODES, session.reason) or session.movable and '+' or '-'
  return state_code[session.state] .. mark
    .. (session.slot == '' and NO_SLOT or session.slot) .. time_of[session.due_at] .. time_of[session.reserved_at]
    .. session.host .. '|' .. text_of[session.epoch] .. '|' .. session.broker .. '|'
    .. (session.seq == 0 and '' or text_of[session.seq]) .. session.meta
end
