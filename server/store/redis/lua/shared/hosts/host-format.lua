-- How a host is stored: packed, because conversion of numbers to text and back was much of the cost of a placement; and short,
-- because Lua hashes every character of every text that it makes.

-- ramping, committed, digest, slots, measured, heartbeat at (ms), missing since (ms), state, CLOSED or ON_TRIAL or 0, number of
-- slot names ever given, connection id. The names of free slots follow, two letters each: a slot is taken from the end and given
-- back there. A placement changes the first two numbers and the end.
local HOST_FORMAT = '<di4i4I4I4ddBBI2s'
-- What stands behind committed, behind the digest, at the state, at CLOSED and at the connection id.
local AFTER_COMMITTED, AFTER_DIGEST, STATE_AT, CLOSED_AT, CONNECTION_AT = 13, 17, 41, 42, 45
local SLOT_LENGTH = 2
local JOINING, READY, SUSPECT = 1, 2, 3
-- Closed to new sessions; or open, and on trial after failures: the next session closes it.
local CLOSED, ON_TRIAL = 1, 2
