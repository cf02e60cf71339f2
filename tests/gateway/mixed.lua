-- tests/gateway/mixed.lua: for wrk: all endpoints in turn, texts of one's own and texts that others send, too.
-- The environment variable KEY holds an API key.
local bearer = { ["Authorization"] = "Bearer " .. os.getenv("KEY") }
local turn = 0

local function embeddings(text)
    return wrk.format("POST", "/v1/embeddings", bearer, '{"model":"weir-ngram-384","input":"' .. text .. '"}')
end

request = function()
    turn = turn + 1
    local kind = turn % 6
    if kind == 0 then return wrk.format("GET", "/metrics") end
    if kind == 1 then return wrk.format("GET", "/v1/models", bearer) end
    if kind == 2 then return embeddings("a text that only request " .. turn .. " sends") end
    if kind == 3 then return embeddings("a text of everybody, number " .. turn % 7) end
    return wrk.format("GET", "/health")
end

done = function(summary)
    local errors = summary.errors
    io.write(string.format("requests %d, socket errors %d, timeouts %d, not 2xx %d\n", summary.requests,
        errors.connect + errors.read + errors.write, errors.timeout, errors.status))
end
