-- Changes of single lines among a player's requests.

local function without_line(lines, first, last)
  return string.sub(lines, 1, first - 1) .. string.sub(lines, last + 1)
end

local function replace_line(key, lines, first, last, line)
  redis.call('SET', key, string.sub(lines, 1, first - 1) .. line .. string.sub(lines, last + 1), 'KEEPTTL')
end
