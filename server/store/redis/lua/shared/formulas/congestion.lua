-- Congestion of a host; the same formula as in domain/congestion.ts. Loads are whole millionths, so every sum is exact and equal
-- to that of the memory store.

-- In millionths: 0 idle, FULL full.
local function congestion_of(slots, committed, measured, ramping)
  local used, loaded = floor(committed * FULL / slots), measured + ramping
  return used > loaded and used or loaded
end
