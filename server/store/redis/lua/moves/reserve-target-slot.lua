-- Holds a slot for a session that is to move to this place: its arrival.
--
-- ARGV  3 arrivalId  4 epoch  5 the broker that carries the move out  6 meta  7 milliseconds it is held
--       8 hostId to avoid, or ''  9 the most congested a host may be, in millionths
-- Returns held, hostId, connectionId | full | closed | over
-- Keeps: reserved + used never exceed slots; nothing is placed where operators closed; nobody passes those who wait,
--   for while somebody waits no host is free.

local known = load_session(ARGV[3])
local epoch = tonumber(ARGV[4])
if known and known.epoch >= epoch or known and is_live(known.state) then
  return { 'over' }
end
if redis.call('HGET', KEYS[9], 'closure') then
  return { 'closed' }
end

-- The least congested host that is not to be avoided, loaded, or nil. A silent one turns suspect and is passed over.
local function find_host()
  local at = 0
  while true do
    local name = redis.call('ZRANGE', KEYS[3], at, at)[1]
    local host = name and load_host(name)
    if not name then
      return nil
    elseif not host then
      redis.call('ZREM', KEYS[3], name)
    elseif now - host.beat_at > SUSPECT_AFTER_MS then
      set_state(host, 'suspect')
      commit()
    elseif free_score(host) > tonumber(ARGV[9]) then
      return nil
    elseif host.id ~= ARGV[8] then
      return host
    else
      at = at + 1
    end
  end
end

local host = find_host()
if not host then
  return { 'full' }
end
local arrival = new_session(ARGV[3], epoch, 'arriving', ARGV[5], ARGV[6])
arrival.due_at = now + tonumber(ARGV[7])
sessions[arrival.id] = arrival
host.ramping = host.ramping + floor(FULL / host.slots)
join(arrival, host)
commit()
return { 'held', host.id, host.connection }
