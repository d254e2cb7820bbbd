-- Takes a placement out of the queue for good.
local function delete_waiting(id)
  redis.call('ZREM', queue_key, id)
  redis.call('HDEL', waiting_key, id)
  redis.call('ZREM', attended_key, id)
end
