-- Counts a failure of a host, which is given if the store knows it, and excludes it from placement. Returns the failures as stored, or
-- '' when this one was counted before: it is of a session that was reserved together with the one that failed first.
local function count_failure(host_id, host, reason, reserved_at)
  local failures = load_failures(host_id)
  if failures and now_ms - failures.until_ms > FAILURES_KEPT_MS then
    failures = nil
  end
  if failures and reserved_at <= failures.counted_until then
    return ''
  end
  local text = leave_out(host_id, failures and failures.count + 1 or 1, reason, now_ms)
  if host then
    set_closed(host, true)
    withdraw_offers_of(host)
  end
  return text
end
