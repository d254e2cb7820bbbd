-- Hosts that this call changed, and by how many the slots of the region pool grew.

local changed_hosts, added_slots = {}, 0

local function change_host(host)
  if not host.changed then
    host.changed = true
    changed_hosts[#changed_hosts + 1] = host
  end
end
