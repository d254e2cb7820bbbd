-- Names of a host's free slots, beside those of its live sessions.

local function taken_slots(live)
  local taken = {}
  for _, session in ipairs(live) do
    taken[session.slot] = true
  end
  return taken
end

-- Names the free slots of a host anew: as many as it has beside its sessions.
local function name_free_slots(host, live)
  local taken, free, number = taken_slots(live), {}, 0
  while #free < host.slots - #live do
    local name = slot_name(number)
    if not taken[name] then
      free[#free + 1] = name
    end
    number = number + 1
  end
  host.free = table.concat(free)
  host.named = math.max(host.named, number)
end

-- Whether the free slots of a host are as many as it has, each once, and none of a session's.
local function free_slots_fit(host, live)
  local taken = taken_slots(live)
  for at = 1, #host.free, SLOT_LENGTH do
    local name = sub(host.free, at, at + SLOT_LENGTH - 1)
    if taken[name] then
      return false
    end
    taken[name] = true
  end
  return #host.free == math.max(0, host.slots - #live) * SLOT_LENGTH
end
