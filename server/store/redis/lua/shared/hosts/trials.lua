-- Hosts that got a session as a trial in this call.
local trials = {}
