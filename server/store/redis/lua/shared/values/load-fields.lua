-- Reads fields of a hash into `cache` as `decode` gives them; false for fields that do not exist.
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
