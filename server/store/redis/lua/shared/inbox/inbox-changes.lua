-- Changed sessions in the inboxes of other brokers: field <brokerId>, firstAtMs;sessionId,sessionId,...

local changed_for = {}

-- The inbox of a broker that reads nothing keeps about INBOX_MAX_BYTES.
local function write_changes()
  for broker, ids in pairs(changed_for) do
    local waiting = redis.call('HGET', inbox_key, broker) or (now_ms .. ';')
    if #waiting < INBOX_MAX_BYTES then
      redis.call('HSET', inbox_key, broker, waiting .. table.concat(ids, ',') .. ',')
    end
  end
  changed_for = {}
end
