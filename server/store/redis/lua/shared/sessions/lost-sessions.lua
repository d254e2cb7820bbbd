-- Sessions that have just lost their host, with the time (ms) until which a free slot is kept for each.

-- Keeps a free slot for a session that ended with host_lost, if a broker can place it again. The mark behind the texts of its meta says that
-- it ends with its host.
local function add_lost_session(session)
  if session.broker == '' or session.meta == '' or sub(session.meta, -2) == '1]' then
    return
  end
  redis.call('ZREMRANGEBYSCORE', lost_key, '-inf', now_ms)
  if redis.call('ZCARD', lost_key) < MAX_LOST_FIRST then
    redis.call('ZADD', lost_key, string.format('%d', now_ms + LOST_FIRST_MS), session.id)
  end
end
