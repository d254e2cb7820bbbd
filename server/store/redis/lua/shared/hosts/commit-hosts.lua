-- Writes changed hosts, with the order of free hosts and the number of slots.

local STATE_NUMBER = { joining = JOINING, ready = READY, suspect = SUSPECT }

local function encode_host(host)
  return struct.pack(HOST_FORMAT, host.ramping, host.committed, host.digest, host.slots, host.measured, host.heartbeat_at,
    host.missing_at, STATE_NUMBER[host.state], host.closed and CLOSED or host.trial and ON_TRIAL or 0, host.named, host.connection) .. host.free
end

local function commit_hosts()
  local records, scores, not_free, lost, emptied = {}, {}, {}, {}, {}
  for _, host in ipairs(changed_hosts) do
    local score = free_score(host)
    if host.state == 'lost' then
      lost[#lost + 1] = host.id
      for number = 0, host.named - 1 do
        emptied[#emptied + 1] = host.id .. '/' .. slot_name(number)
      end
    else
      records[#records + 1] = host.id
      records[#records + 1] = encode_host(host)
    end
    if score and score ~= host.stored_score then
      scores[#scores + 1] = text_of[score]
      scores[#scores + 1] = host.id
    elseif host.stored_score and not score then
      not_free[#not_free + 1] = host.id
    end
    host.changed, host.stored_score = false, score
  end
  call_with_values('HSET', hosts_key, records)
  call_with_values('HDEL', hosts_key, lost)
  call_with_values('HDEL', endpoints_key, lost)
  call_with_values('HDEL', members_key, emptied)
  call_with_values('ZREM', heartbeats_key, lost)
  call_with_values('ZADD', free_key, scores)
  call_with_values('ZREM', free_key, not_free)
  if added_slots ~= 0 then
    redis.call('HINCRBY', totals_key, 'slots', added_slots)
  end
  changed_hosts, added_slots = {}, 0
end
