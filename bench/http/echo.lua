-- bench/http/echo.lua: for servers that return what they are sent, so that all contenders answer the same bytes.
wrk.method = "POST"
wrk.body = '{"status":"ok"}'
wrk.headers["Content-Type"] = "application/json"
