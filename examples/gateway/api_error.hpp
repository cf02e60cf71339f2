// examples/gateway/api_error.hpp: a refusal in the shape that clients of the OpenAI API read.
#pragma once

#include <http/response.hpp>

#include <string>
#include <system_error>

namespace gateway {

struct api_error {
    int status = 400;
    std::string message;
    std::string type = "invalid_request_error";
    std::string param; // the field of the request that was wrong; null if empty
    std::string code;  // null if empty
};

// {"error":{"message","type","param","code"}}
std::string to_json(api_error const& what);

// Makes a response one that says so.
void fill(http::response& response, api_error const& what);

// 401, with a hint where a key belongs. `presented`: whether there was one, which then was wrong.
api_error unauthorized(bool presented);
// 503 for what failed inside the server: "`what` now: `why`".
api_error unavailable(std::string const& what, std::error_code why);

} // namespace gateway
