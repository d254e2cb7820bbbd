-- Changes for which a broker gets a wake-up, even the calling one: the entry may be another broker's.

local brokers_to_wake = {}

-- Records for a broker that an entry got an offer or returned to the queue.
local function record_offer_change(broker, session_id)
  if broker ~= '' then
    local ids = changed_for[broker] or {}
    ids[#ids + 1] = session_id
    changed_for[broker] = ids
    brokers_to_wake[broker] = true
  end
end

local function send_wake_ups()
  for broker in pairs(brokers_to_wake) do
    local region, pool = string.match(inbox_key, '{(.-)}:(.*):[^:]*$')
    redis.call('PUBLISH', WAKE_UPS_PREFIX .. broker, region .. '/' .. pool)
  end
  brokers_to_wake = {}
end
