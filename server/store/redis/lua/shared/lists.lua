-- Shared by every script of a place, after records.lua: entries that become due, and mail.

local function split_ids(text)
  local ids = {}
  for id in string.gmatch(text, '[^,]+') do
    ids[#ids + 1] = id
  end
  return ids
end

-- A list of that many values, no more than there are arguments, all to be overwritten: one that grows is copied again and
-- again.
local function list_of(size)
  return { unpack(ARGV, 1, size) }
end

-- Due entries -----------------------------------------------------------------------------------------

-- Sessions that become due at one time, the first `count` of a list, go to the end of their list as one entry.
local function push_due(key, due_at, ids, count)
  if count > 0 then
    local first = ids[1]
    -- In its place, so that the long text is made once.
    ids[1] = string.format('%d;', due_at) .. first
    redis.call('RPUSH', key, table.concat(ids, ',', 1, count))
    ids[1] = first
  end
end

-- Mail ------------------------------------------------------------------------------------------------

local letters = {}

-- Leaves word for another broker that a session changed.
local function post(broker, session_id)
  if broker ~= '' and broker ~= caller then
    local bag = letters[broker] or {}
    bag[#bag + 1] = session_id
    letters[broker] = bag
  end
end

-- Leaves word of an offer, for the calling broker too: it may have been made for somebody else's placement.
local nudged = {}
local function post_offer(broker, session_id)
  if broker ~= '' then
    local bag = letters[broker] or {}
    bag[#bag + 1] = session_id
    letters[broker] = bag
    nudged[broker] = true
  end
end

-- A broker that reads nothing keeps about MAIL_MAX_BYTES waiting.
local function commit_mail()
  for broker, bag in pairs(letters) do
    local waiting = redis.call('HGET', KEYS[10], broker) or (now .. ';')
    if #waiting < MAIL_MAX_BYTES then
      redis.call('HSET', KEYS[10], broker, waiting .. table.concat(bag, ',') .. ',')
    end
  end
  for broker in pairs(nudged) do
    local region, pool = string.match(KEYS[10], '{(.-)}:(.-):mail$')
    redis.call('PUBLISH', NUDGES .. broker, region .. '/' .. pool)
  end
  letters, nudged = {}, {}
end
