-- Excludes the hosts that got a session as a trial.
local function close_trials()
  for _, host_id in ipairs(trials) do
    close_after_trial(host_id)
  end
end
