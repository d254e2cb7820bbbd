-- Shared by every script of a place: what is stored, and how it is read. place-changes.lua goes on with how it is
-- changed and written.
--
-- KEYS  1 hosts    hash  hostId -> slots|committed|measured|ramping|beatAtMs|missingAtMs|digest|state|connectionId
--       2 info     hash  hostId -> endpoint
--       3 free     zset  hostId by congestion: ready hosts with a free slot, nothing else
--       4 beats    zset  hostId by the time of its last heartbeat
--       5 sessions hash  sessionId -> epoch|state|reason|hostId|reservedAtMs|clientBrokerId|meta
--       6 index    zset  hostId|sessionId, all scores 0: the live sessions of a host by range
--       7 reserved zset  sessionId by the time its reservation expires; claimed and ended ones stay until then
--       8 ended    zset  sessionId by the time it may be forgotten
--       9 totals   hash  slots -> slots of ready hosts
--      10 mail     hash  brokerId -> firstAtMs;sessionId,sessionId,...
-- ARGV  1 milliseconds since 1970 when a test says what time it is, '' in production
--       2 the calling broker, which needs no mail
--
-- A script loads records, changes them, and ends with commit(), which writes every change once and derives
-- index, reserved, ended and free from what the records say. Before commit() nothing is written.
-- Loads are whole millionths, so that every sum is exact and equal to the memory store's.

local FULL = 1000000
local RAMP_TIME_CONSTANT_MS = 10000
local ENDED_KEPT_MS = 60000
local MAIL_MAX_BYTES = 262144
local STATE_CODE = { active = 1, connected = 2, disconnected = 3 }

-- Even, for lists of pairs, and below the 8,000 or so values that unpack() can pass.
local MAX_VALUES = 4000

local function clock()
  if ARGV[1] ~= '' then
    return tonumber(ARGV[1])
  end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local now = clock()
local caller = ARGV[2]

-- A function of which each result is worked out once a call: turning numbers into text and back is much of
-- the cost of a batch, and the same times, sizes and loads come again and again.
local function memo(work_out)
  return setmetatable({}, {
    __index = function(known, input)
      local output = work_out(input)
      known[input] = output
      return output
    end,
  })
end

local number_of = memo(tonumber)
local text_of = memo(function(number)
  return string.format('%d', number)
end)

-- Runs a command that takes any number of values.
local function call_with(command, key, values)
  for first = 1, #values, MAX_VALUES do
    redis.call(command, key, unpack(values, first, math.min(first + MAX_VALUES - 1, #values)))
  end
end

-- Reads fields of a hash into `cache` as `decode` gives them; false for those that are not there.
local function load_fields(key, ids, cache, decode)
  local wanted = {}
  for _, id in ipairs(ids) do
    if cache[id] == nil then
      cache[id] = false
      wanted[#wanted + 1] = id
    end
  end
  for first = 1, #wanted, MAX_VALUES do
    local texts = redis.call('HMGET', key, unpack(wanted, first, math.min(first + MAX_VALUES - 1, #wanted)))
    for i = 1, #texts do
      local id, text = wanted[first + i - 1], texts[i]
      cache[id] = text and decode(id, text)
    end
  end
end

-- Hosts -----------------------------------------------------------------------------------------------

local hosts, changed_hosts = {}, {}
local added_slots = 0

local function congestion(host)
  return math.max(math.floor(host.committed * FULL / host.slots), host.measured + host.ramping)
end

-- Where a host stands in free: its congestion, or false when it takes nothing.
local function free_score(host)
  return host.state == 'ready' and host.committed < host.slots and congestion(host)
end

local function decode_host(id, text)
  local slots, committed, measured, ramping, beat_at, missing_at, digest, state, connection =
    string.match(text, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  -- All fields at once: a table that grows later costs as much again.
  local host = {
    id = id,
    slots = number_of[slots],
    committed = number_of[committed],
    measured = number_of[measured],
    ramping = number_of[ramping],
    beat_at = number_of[beat_at],
    missing_at = number_of[missing_at],
    digest = number_of[digest],
    state = state,
    connection = connection,
    stored_score = false,
    score = false,
    rank = 0,
    changed = false,
  }
  host.stored_score = free_score(host)
  return host
end

local function encode_host(host)
  return text_of[host.slots] .. '|' .. text_of[host.committed] .. '|' .. text_of[host.measured] .. '|'
    .. text_of[host.ramping] .. '|' .. text_of[host.beat_at] .. '|' .. text_of[host.missing_at] .. '|'
    .. text_of[host.digest] .. '|' .. host.state .. '|' .. host.connection
end

local function load_hosts(ids)
  load_fields(KEYS[1], ids, hosts, decode_host)
end

local function load_host(id)
  if hosts[id] == nil then
    load_hosts({ id })
  end
  return hosts[id]
end

local function change_host(host)
  if not host.changed then
    host.changed = true
    changed_hosts[#changed_hosts + 1] = host
  end
end

local function set_state(host, state)
  local before = host.state == 'ready' and host.slots or 0
  local after = state == 'ready' and host.slots or 0
  host.state = state
  added_slots = added_slots + after - before
  change_host(host)
end

local function decay_ramping(ramping, elapsed_ms)
  return math.floor(ramping * RAMP_TIME_CONSTANT_MS / (RAMP_TIME_CONSTANT_MS + math.max(elapsed_ms, 0)))
end

-- Connection ids are <brokerId>.<number>.
local broker_of = memo(function(connection)
  return string.match(connection, '^(.*)%.') or connection
end)

-- Sessions --------------------------------------------------------------------------------------------

local sessions, changed_sessions = {}, {}

local function decode_session(id, text)
  local epoch, state, reason, host, reserved_at, broker, meta =
    string.match(text, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return {
    id = id,
    epoch = number_of[epoch],
    state = state,
    reason = reason,
    host = host,
    reserved_at = number_of[reserved_at],
    broker = broker,
    meta = meta,
    expires_at = false,
    stored_state = state,
    stored_host = host,
    changed = false,
  }
end

-- A session that the store does not know, before it joins a host.
local function new_session(id, epoch, state, broker, meta)
  return {
    id = id,
    epoch = epoch,
    state = state,
    reason = '',
    host = '',
    reserved_at = now,
    broker = broker,
    meta = meta,
    expires_at = false,
    stored_state = false,
    stored_host = false,
    changed = false,
  }
end

local function encode_session(session)
  return text_of[session.epoch] .. '|' .. session.state .. '|' .. session.reason .. '|' .. session.host .. '|'
    .. text_of[session.reserved_at] .. '|' .. session.broker .. '|' .. session.meta
end

local function load_sessions(ids)
  load_fields(KEYS[5], ids, sessions, decode_session)
end

local function load_session(id)
  if sessions[id] == nil then
    load_sessions({ id })
  end
  return sessions[id]
end

local function change_session(session)
  if not session.changed then
    session.changed = true
    changed_sessions[#changed_sessions + 1] = session
  end
end

local function is_live(state)
  return state and state ~= 'ended'
end

-- The lower 32 bits of a product, as `Math.imul` has them: in halves, for a double holds 53 bits.
local function multiply(a, b)
  local upper = (bit.rshift(a, 16) * b) % 65536
  return bit.tobit(bit.band(a, 0xffff) * b + upper * 65536)
end

-- A session's share of its host's digest; see domain/session-digest.ts.
local function digest_of(session)
  local code = STATE_CODE[session.state]
  if not code then
    return 0
  end
  local hash = bit.bxor(tonumber(string.sub(session.id, -8), 16), multiply(session.epoch * 4 + code, 0x9e3779b1))
  hash = multiply(bit.bxor(hash, bit.rshift(hash, 16)), 0x85ebca6b)
  hash = multiply(bit.bxor(hash, bit.rshift(hash, 13)), 0xc2b2ae35)
  return bit.bxor(hash, bit.rshift(hash, 16))
end

-- The live sessions of a host, loaded, in the order of their ids; and members of the index that are wrong.
local function live_sessions_of(host_id)
  local members = redis.call('ZRANGEBYLEX', KEYS[6], '[' .. host_id .. '|', '(' .. host_id .. '}')
  local ids, found, stray = {}, {}, {}
  for i, member in ipairs(members) do
    ids[i] = string.sub(member, #host_id + 2)
  end
  load_sessions(ids)
  for i, id in ipairs(ids) do
    local session = sessions[id]
    if session and is_live(session.state) and session.host == host_id then
      found[#found + 1] = session
    else
      stray[#stray + 1] = members[i]
    end
  end
  return found, stray
end
