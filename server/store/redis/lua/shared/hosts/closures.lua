-- Closures of the region pool and of its hosts: names with commas between them, in the field `closure` or `closed/<hostId>`.

-- Adds a closure or removes it. Returns whether one is left.
local function change_closure(field, closure, change)
  local closures = {}
  for known in string.gmatch(redis.call('HGET', totals_key, field) or '', '[^,]+') do
    if known ~= closure then
      closures[#closures + 1] = known
    end
  end
  if change == 'add' then
    closures[#closures + 1] = closure
  end
  if #closures == 0 then
    redis.call('HDEL', totals_key, field)
    return false
  end
  redis.call('HSET', totals_key, field, table.concat(closures, ','))
  return true
end
