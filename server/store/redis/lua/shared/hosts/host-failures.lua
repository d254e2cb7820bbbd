-- Failures of hosts, a field a host: count|reason|untilMs|countedUntilMs. The same rules as in domain/host-failures.ts.

-- The failures of a host, or nil.
local function load_failures(host_id)
  local count, reason, until_ms, counted_until =
    string.match(redis.call('HGET', failures_key, host_id) or '', '^(%d+)|([%a_]+)|(%d+)|(%d+)$')
  return count and { count = tonumber(count), reason = reason, until_ms = tonumber(until_ms), counted_until = tonumber(counted_until) }
end

-- Excludes a host from placement for as long as its failures in a row ask for. Returns the stored text.
local function leave_out(host_id, count, reason, counted_until)
  local until_ms = now_ms + math.min(FIRST_BACK_OFF_MS * 2 ^ (count - 1), MAX_BACK_OFF_MS)
  local text = string.format('%d|%s|%d|%d', count, reason, until_ms, counted_until)
  redis.call('HSET', failures_key, host_id, text)
  change_closure('closed/' .. host_id, 'failing', 'add')
  return text
end

-- Closes a host that got a session as a trial, until a client has claimed the session or the back-off is over.
local function close_after_trial(host_id)
  local failures = load_failures(host_id)
  if failures then
    leave_out(host_id, failures.count, failures.reason, now_ms - 1)
  end
  return failures ~= nil
end
