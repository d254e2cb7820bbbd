-- How many values one command takes at most: even, for lists of pairs, and below the 8,000 or so that unpack() can pass.

local MAX_VALUES = 4000
