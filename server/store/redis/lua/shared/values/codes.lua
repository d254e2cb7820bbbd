-- Codes of states and reasons, as STATE_CODES and REASON_CODES list them: `,name=code,name=code`.

local function code_of(codes, name)
  return string.match(codes, ',' .. name .. '=(.)')
end

-- '' for an unknown code.
local function name_of(codes, code)
  return string.match(codes, '([%a_]*)=' .. code) or ''
end
