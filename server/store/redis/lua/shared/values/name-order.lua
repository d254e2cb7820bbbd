-- The order of names: byte by byte, as sorted sets compare. Lua's own `<` follows the locale that Redis was started in.

local function name_before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end
