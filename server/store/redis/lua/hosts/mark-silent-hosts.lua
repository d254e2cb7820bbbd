-- Carries out what was judged about silent hosts.
--
-- ARGV  3... per order: hostId, beatAtMs it was judged by, suspect | missing | lost
-- Returns per session of a lost host: sessionId, record, connectionId
-- Keeps: an order counts only for a host that has not beaten since it was judged; a host is lost only after
--   an earlier sweep found it missing.

local out = {}
for i = 3, #ARGV, 3 do
  local host = load_host(ARGV[i])
  local order = ARGV[i + 2]
  if host and host.state ~= 'lost' and host.beat_at == tonumber(ARGV[i + 1]) then
    if order == 'suspect' then
      set_state(host, 'suspect')
    elseif order == 'missing' then
      if host.missing_at == 0 then
        host.missing_at = now
        change_host(host)
      end
    elseif host.missing_at ~= 0 then
      remove_host(host, 'host_lost', out)
    end
  end
end
finish()
return out
