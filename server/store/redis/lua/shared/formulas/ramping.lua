-- Expected load of young sessions; the same formulas as in domain/congestion.ts.

-- What is left of `ramping` after some time: the measured load shows the rest by then.
local function decay_ramping(ramping, elapsed_ms)
  return floor(ramping * RAMP_TIME_CONSTANT_MS / (RAMP_TIME_CONSTANT_MS + math.max(elapsed_ms, 0)))
end

-- What is left of `ramping` when a session of that age ends.
local function withdraw_ramping(ramping, slots, age_ms)
  return math.max(0, ramping - decay_ramping(floor(FULL / slots), age_ms))
end
