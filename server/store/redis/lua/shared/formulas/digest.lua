-- A session's share of its host's digest; the same as in domain/session-digest.ts.

-- The lower 32 bits of a product, as Math.imul gives them: in halves, because a double holds 53 bits.
local function multiply(a, b)
  local upper = (bit.rshift(a, 16) * b) % 65536
  return bit.tobit(bit.band(a, 0xffff) * b + upper * 65536)
end

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
