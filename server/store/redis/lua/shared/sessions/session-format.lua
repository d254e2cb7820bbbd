-- How a session is stored: state code, then the code of the reason it ended for (+ while it may be moved, else -), slot or --,
-- due at and reserved at (ms, 13 digits each), hostId|epoch|clientBrokerId|meta; before meta stand the
-- digits of seq, unless it is 0.

local SLOT_AT, DUE_AT, RESERVED_AT, HOST_AT = 3, 5, 18, 31
local NO_SLOT, TIME_FORMAT = '--', '%013d'
