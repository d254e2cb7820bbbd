-- Makes a host known, in state joining; its live sessions stay and are counted anew.
--
-- ARGV  3 hostId  4 connectionId  5 slots  6 endpoint
-- Keeps: only the newest connection speaks for a host; counters equal their members.

local id = ARGV[3]
local host = load_host(id)
if host then
  set_state(host, 'joining')
else
  host = { id = id, committed = 0, measured = 0, ramping = 0, free = '', named = 0, state = 'joining', stored_score = false }
  host.closed = redis.call('HEXISTS', KEYS[9], 'closed/' .. id) == 1
  hosts[id] = host
end

local found = live_sessions_of(host)
host.committed, host.digest = #found, 0
for _, session in ipairs(found) do
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
end
host.slots = tonumber(ARGV[5])
name_free_slots(host, found)
host.connection = ARGV[4]
host.beat_at, host.missing_at = now, 0
change_host(host)
finish()
redis.call('HSET', KEYS[2], id, ARGV[6])
redis.call('ZADD', KEYS[4], now, id)
return 'ok'
