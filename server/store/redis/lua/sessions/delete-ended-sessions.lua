-- Drops the records of sessions that ended long enough ago, and mail that nobody fetched for a minute.
--
-- ARGV  3 how many sessions at the most
-- Returns how many sessions

local MAIL_KEPT_MS = 60000

local forgotten = {}
take_due(KEYS[8], 'ended', tonumber(ARGV[3]), function(session)
  forgotten[#forgotten + 1] = session.id
  sessions[session.id] = false
end)
call_with('HDEL', KEYS[5], forgotten)

local mail = redis.call('HGETALL', KEYS[10])
for i = 1, #mail, 2 do
  local first_at = tonumber(string.match(mail[i + 1], '^%d+'))
  if now - first_at > MAIL_KEPT_MS then
    redis.call('HDEL', KEYS[10], mail[i])
  end
end
return #forgotten
