-- Commands that take any number of values.

-- Runs a command with the first `count` values of a list, or with all, in several calls if necessary.
local function call_with_values(command, key, values, count)
  local all = count or #values
  for first = 1, all, MAX_VALUES do
    redis.call(command, key, unpack(values, first, math.min(first + MAX_VALUES - 1, all)))
  end
end
