-- Registers a host, in state joining; its live sessions stay and are counted anew.
--
-- Arguments
--   host_id
--   connection_id
--   slots
--   endpoint
-- Returns 1 if the host had another endpoint, else 0; and 1 if its sessions and reservations exceed its slots, else 0
-- Invariant: only the newest connection speaks for a host; its counters are those of its sessions.

local host = load_host(host_id)
if host then
  set_state(host, 'joining')
else
  host = { id = host_id, committed = 0, measured = 0, ramping = 0, free = '', named = 0, state = 'joining', stored_score = false }
  host.closed = redis.call('HEXISTS', totals_key, 'closed/' .. host_id) == 1
  host.trial = not host.closed and redis.call('HEXISTS', failures_key, host_id) == 1
  hosts[host_id] = host
end

local live = live_sessions_of(host)
host.committed, host.digest = #live, 0
for _, session in ipairs(live) do
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
end
host.slots = slots
name_free_slots(host, live)
host.connection = connection_id
host.heartbeat_at, host.missing_at = now_ms, 0
change_host(host)
local known_endpoint = redis.call('HGET', endpoints_key, host_id)
commit_and_serve_queue()
redis.call('HSET', endpoints_key, host_id, endpoint)
redis.call('ZADD', heartbeats_key, now_ms, host_id)
return { known_endpoint and known_endpoint ~= endpoint and 1 or 0, #live > slots and 1 or 0 }
