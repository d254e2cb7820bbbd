-- Functions that compute each result once a call: conversion between numbers and text is much of the cost of a batch, and the
-- same times, sizes and loads occur again and again.

local function memo(compute)
  return setmetatable({}, {
    __index = function(known, input)
      local output = compute(input)
      known[input] = output
      return output
    end,
  })
end

local number_of = memo(tonumber)
local text_of = memo(function(number)
  return string.format('%d', number)
end)
