-- Lists that begin at their full size: one that grows is copied and counted again each time it doubles.

-- A list with `size` places, filled with arguments: the caller overwrites them. Places beyond the arguments are empty.
local function new_list(size)
  return { unpack(ARGV, 1, size) }
end
