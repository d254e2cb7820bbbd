-- Puts a placement back into the queue after an offer, and notes it for its broker.
local function requeue(waiting)
  redis.call('ZADD', queue_key, text_of[waiting.score], waiting.id)
  note_offer_change(waiting.broker, waiting.id)
end
