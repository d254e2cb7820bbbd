-- Lists of sessions that become due, an entry per call: dueAtMs;sessionId,sessionId... All reservations of a region pool last
-- equally long, and so do all records of ended sessions: each list is in the order of its times. An entry counts for
-- a session that still has that state and that time, so nothing is taken out before.

-- Appends the first `count` sessions of a list as one entry.
local function push_due(key, due_at, ids, count)
  if count > 0 then
    local first = ids[1]
    -- Written into its place, so that the long text is made once.
    ids[1] = string.format('%d;', due_at) .. first
    redis.call('RPUSH', key, table.concat(ids, ',', 1, count))
    ids[1] = first
  end
end
