-- Marks silent hosts as a sweep judged them.
--
-- Arguments
--   caller_id  the calling broker
-- Lists
--   host_ids
--   heartbeat_times  the heartbeat (ms) that the host was judged by
--   marks            suspect | missing | lost
-- Returns per session of a lost host: sessionId, record, connectionId
-- Invariant: a mark counts only for a host without a heartbeat since it was judged; a host is lost only after an earlier sweep
--   found it missing.

local reply = {}
for i, id in ipairs(host_ids) do
  local host, mark = load_host(id), marks[i]
  if host and host.state ~= 'lost' and host.heartbeat_at == tonumber(heartbeat_times[i]) then
    if mark == 'suspect' then
      set_state(host, 'suspect')
    elseif mark == 'missing' then
      if host.missing_at == 0 then
        host.missing_at = now_ms
        change_host(host)
      end
    elseif host.missing_at ~= 0 then
      remove_host(host, 'host_lost', reply)
    end
  end
end
commit_and_serve_queue()
return reply
