-- What this call changes of slots: pairs of slot and session as HSET takes them, live sessions added, slots freed.

local members, added_sessions, freed_slots = {}, 0, 0
