-- Shared by every script of a place: what is stored, and in which form. place.lua and place-changes.lua go on with how
-- it is read, changed and written, for all scripts but those that a batch of placements runs.
--
-- KEYS  1 hosts    hash  hostId -> a record packed as HOST_FORMAT says, then the names of its free slots
--       2 info     hash  hostId -> endpoint
--       3 free     zset  hostId by congestion: ready, open hosts with a free slot, nothing else
--       4 beats    zset  hostId by the time of its last heartbeat
--       5 sessions hash  sessionId -> a record of letters at fixed places, see SESSION RECORDS
--       6 members  hash  hostId/slot -> sessionId: who is in which slot; what stands at free slots means nothing
--       7 reserved list  dueAtMs;sessionId,... when reservations expire, an entry a call, the oldest first
--       8 ended    list  dueAtMs;sessionId,... when ended sessions may be forgotten, likewise
--       9 totals   hash  slots -> slots of ready, open hosts, sessions -> live sessions, freed -> slots that became free;
--                        rateAt, rateFreed, rate -> how fast they do; closure -> cordoned or draining, when
--                        the whole place takes nothing new; closed/hostId -> likewise, of one host
--      10 mail     hash  brokerId -> firstAtMs;sessionId,sessionId,...
--      11 queue    zset  waiting sessions by arrival minus head start, and by id
--      12 waiting  hash  sessionId -> epoch|arrivedAtMs|score|misses|clientBrokerId|meta: waiting or offered
--      13 attended zset  those by when their player was last there
--      14 offers   list  dueAtMs;sessionId,... when offers run out
--      15 disconnected   list  dueAtMs;sessionId,... when sessions whose client is away end
--      16 arriving       list  dueAtMs;arrivalId,... when slots that are held for moves are given up
-- Before this file stand the settings: SUSPECT_AFTER_MS, OFFER_MS, RESUME_WINDOW_MS, RATE_MEMORY_MS, NUDGES, STATES,
-- REASONS.
--
-- ARGV  1 milliseconds since 1970 when a test says what time it is, '' in production
--       2 the calling broker, which needs no mail
--
-- All reservations of a place last equally long, and so do all memories of ended ones: the lists are in the
-- order of their times by themselves. An entry counts for a session that still has that state and that time.
-- Loads are whole millionths, so that every sum is exact and equal to the memory store's.

local floor, sub, find = math.floor, string.sub, string.find

local FULL = 1000000
local RAMP_TIME_CONSTANT_MS = 10000
local ENDED_KEPT_MS = 60000
local MAIL_MAX_BYTES = 262144

-- Even, for lists of pairs, and below the 8,000 or so values that unpack() can pass.
local MAX_VALUES = 4000

local caller = ARGV[2]

-- ramping, committed, digest, slots, measured, beatAtMs, missingAtMs, state, 1 when closed to new sessions, how many names
-- of slots were ever given, connectionId; then the names of its free slots, two letters each: a slot is taken from the end of them and given
-- back there. Packed, because reading and writing numbers as text was much of the cost of a placement; and short,
-- because Lua hashes every character of every text it makes. A placement changes the first two and the end.
local HOST_FORMAT = '<di4i4I4I4ddBBI2s'
-- Where committed ends, and the digest; and where the state and the connection begin.
local AFTER_COMMITTED, AFTER_DIGEST, STATE_AT, CONNECTION_AT = 13, 17, 41, 45
local SLOT_LENGTH = 2
local JOINING, READY, SUSPECT = 1, 2, 3

-- SESSION RECORDS: a letter for the state, one for the reason, or + while it may be moved, or -; the name of the slot or --, dueAtMs and reservedAtMs
-- with 13 digits each; then hostId|epoch|clientBrokerId|meta.
local SLOT_AT, DUE_AT, RESERVED_AT, HOST_AT = 3, 5, 18, 31
local NO_SLOT, TIME_FORMAT = '--', '%013d'

-- Runs a command that takes any number of values: the first `count` of a list, or all.
local function call_with(command, key, values, count)
  local all = count or #values
  for first = 1, all, MAX_VALUES do
    redis.call(command, key, unpack(values, first, math.min(first + MAX_VALUES - 1, all)))
  end
end

-- Byte by byte, as sorted sets compare: Lua's own `<` follows the locale that Redis was started in.
local function name_before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

-- In millionths: 0 idle, FULL full.
local function congestion_of(slots, committed, measured, ramping)
  local used, loaded = floor(committed * FULL / slots), measured + ramping
  return used > loaded and used or loaded
end

local function decay_ramping(ramping, elapsed_ms)
  return floor(ramping * RAMP_TIME_CONSTANT_MS / (RAMP_TIME_CONSTANT_MS + math.max(elapsed_ms, 0)))
end

-- What ramping is left when a session of that age goes.
local function withdraw_ramping(ramping, slots, age_ms)
  return math.max(0, ramping - decay_ramping(floor(FULL / slots), age_ms))
end

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

local function letter_of(words, word)
  return string.match(words, ',' .. word .. '=(.)')
end

-- '' for the letter of nothing.
local function word_of(words, letter)
  return string.match(words, '([%a_]*)=' .. letter) or ''
end

-- Connection ids are <brokerId>.<number>.
local brokers = {}
local function broker_of(connection)
  local broker = brokers[connection]
  if not broker then
    broker = string.match(connection, '^(.*)%.') or connection
    brokers[connection] = broker
  end
  return broker
end

-- The lower 32 bits of a product, as `Math.imul` has them: in halves, for a double holds 53 bits.
local function multiply(a, b)
  local upper = (bit.rshift(a, 16) * b) % 65536
  return bit.tobit(bit.band(a, 0xffff) * b + upper * 65536)
end

-- A session's share of its host's digest; see domain/session-digest.ts.
local function digest_of(id, epoch, state)
  local code = state == 'active' and 1 or state == 'connected' and 2 or state == 'disconnected' and 3 or state == 'moving' and 0
  if not code then
    return 0
  end
  local hash = bit.bxor(tonumber(sub(id, -8), 16), multiply(epoch * 4 + code, 0x9e3779b1))
  hash = multiply(bit.bxor(hash, bit.rshift(hash, 16)), 0x85ebca6b)
  hash = multiply(bit.bxor(hash, bit.rshift(hash, 13)), 0xc2b2ae35)
  return bit.bxor(hash, bit.rshift(hash, 16))
end
