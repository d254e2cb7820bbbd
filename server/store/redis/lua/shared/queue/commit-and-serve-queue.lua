-- Ends a script that may have freed slots: writes the changes, and offers the free slots to entries that wait.
local function commit_and_serve_queue()
  commit()
  serve_queue()
end
