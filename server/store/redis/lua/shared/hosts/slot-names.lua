-- Names of slots by their number, from 0 on: aa, ab, ...

local function slot_name(number)
  return string.char(97 + floor(number / 26), 97 + number % 26)
end
