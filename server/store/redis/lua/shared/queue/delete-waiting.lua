-- Removes an entry from the queue permanently.
local function delete_waiting(id)
  redis.call('ZREM', queue_key, id)
  redis.call('HDEL', waiting_key, id)
  redis.call('ZREM', attended_key, id)
end
