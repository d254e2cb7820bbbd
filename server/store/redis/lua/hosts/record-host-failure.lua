-- Excludes a host from placement for a while, for a session that has ended.
--
-- Arguments
--   caller_id    '' so that every broker is notified of offers that are withdrawn
--   host_id
--   reason       why it counts as a failure
--   reserved_at  when the session was reserved (ms)
-- Returns the failures of the host as stored, '' when this one was counted before
-- Invariant: failures of sessions that were reserved together count once.

local text = count_failure(host_id, load_host(host_id), reason, reserved_at)
commit_and_serve_queue()
return text
