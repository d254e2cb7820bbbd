-- Opens a host again whose back-off is over, or whose failures are forgotten.
local function end_back_off(host)
  local failures = load_failures(host.id)
  local wait = failures and failures.until_ms - now_ms or 0
  if wait > 0 and wait <= MAX_BACK_OFF_MS then
    return
  end
  set_closed(host, change_closure('closed/' .. host.id, 'failing', 'remove'))
  host.trial = not host.closed and failures ~= nil
end
