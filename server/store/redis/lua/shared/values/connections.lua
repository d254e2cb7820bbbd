-- Connection ids of hosts are <brokerId>.<number>.

local brokers = {}

local function broker_of(connection)
  local broker = brokers[connection]
  if not broker then
    broker = string.match(connection, '^(.*)%.') or connection
    brokers[connection] = broker
  end
  return broker
end
