-- Puts an entry back into the queue after an offer, and notes it for its broker.
local function requeue(waiting)
  redis.call('ZADD', queue_key, text_of[waiting.score], waiting.id)
  record_offer_change(waiting.broker, waiting.id)
end
