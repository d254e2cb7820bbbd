-- Recomputes the counters of some hosts from their sessions. The first call of a pass also recomputes the totals, and forgets
-- old failures.
--
-- Arguments
--   cursor  of HSCAN, 0 to begin a pass
--   count   about how many hosts
-- Returns the next cursor (0 when the pass is over) and the hosts that were wrong
-- Invariant: every counter equals the count of the sessions behind it.

local function recount_totals()
  local slots, live_sessions = 0, 0
  for _, text in ipairs(redis.call('HVALS', hosts_key)) do
    local _, committed, _, host_slots, _, _, _, state, closed = struct.unpack(HOST_FORMAT, text)
    if state == READY and closed ~= CLOSED then
      slots = slots + host_slots
    end
    live_sessions = live_sessions + committed
  end
  redis.call('HSET', totals_key, 'slots', slots, 'sessions', live_sessions)
end

local function stored_score(key, member)
  local score = redis.call('ZSCORE', key, member)
  return score and tonumber(score)
end

-- Repairs a host. Returns whether something was wrong.
local function recount(host)
  local live, digest = live_sessions_of(host), 0
  for _, session in ipairs(live) do
    digest = bit.bxor(digest, digest_of(session.id, session.epoch, session.state))
  end
  local wrong = host.committed ~= #live or host.digest ~= digest or not free_slots_fit(host, live)
  if wrong then
    added_sessions = added_sessions + #live - host.committed
    host.committed, host.digest = #live, digest
    name_free_slots(host, live)
  end
  -- commit_hosts() compares with the stored score: here it is read, not computed.
  host.stored_score = stored_score(free_key, host.id)
  if stored_score(heartbeats_key, host.id) ~= host.heartbeat_at then
    redis.call('ZADD', heartbeats_key, text_of[host.heartbeat_at], host.id)
    wrong = true
  end
  return wrong or host.stored_score ~= free_score(host)
end

-- Forgets old failures: those of hosts that got no session since, or never registered again.
local function forget_old_failures()
  for _, id in ipairs(redis.call('HKEYS', failures_key)) do
    local failures = load_failures(id)
    if not failures or now_ms - failures.until_ms > FAILURES_KEPT_MS then
      redis.call('HDEL', failures_key, id)
      local closed, host = change_closure('closed/' .. id, 'failing', 'remove'), load_host(id)
      if host then
        set_closed(host, closed)
        host.trial = false
      end
    end
  end
  commit()
end

if cursor == '0' then
  forget_old_failures()
  recount_totals()
end
local page = redis.call('HSCAN', hosts_key, cursor, 'COUNT', count)
local next_cursor, fields, repaired = page[1], page[2], {}
for i = 1, #fields, 2 do
  local host = load_host(fields[i])
  if recount(host) then
    change_host(host)
    repaired[#repaired + 1] = host.id
  end
end
commit_and_serve_queue()
return { next_cursor, repaired }
