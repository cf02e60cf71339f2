// examples/http/error.cpp: the JSON of http::error.
#include "error.hpp"

#include <nlohmann/json.hpp>

namespace http {

std::string to_json(error const& what) {
    nlohmann::ordered_json body;
    auto& inner = body["error"];
    inner["message"] = what.message;
    inner["type"] =
        what.status >= 500 && what.status != 501 && what.status != 505 ? "server_error" : "invalid_request_error";
    inner["param"] = nullptr;
    inner["code"] = what.code;
    return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace http
