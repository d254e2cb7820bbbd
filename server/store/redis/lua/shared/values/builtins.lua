-- Local names of Lua's own functions: a global costs a table lookup at each use.

local floor, sub, find = math.floor, string.sub, string.find
