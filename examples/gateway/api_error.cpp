// examples/gateway/api_error.cpp: the JSON of refusals.
#include "api_error.hpp"

#include <weir/base/errc.hpp>

#include <nlohmann/json.hpp>

namespace gateway {

std::string to_json(api_error const& what) {
    using json = nlohmann::ordered_json;
    auto const or_null = [](std::string const& text) { return text.empty() ? json(nullptr) : json(text); };
    json body;
    auto& inner = body["error"];
    inner["message"] = what.message;
    inner["type"] = what.type;
    inner["param"] = or_null(what.param);
    inner["code"] = or_null(what.code);
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

void fill(http::response& response, api_error const& what) {
    response.set_status(what.status);
    static_cast<void>(response.set_content_type("application/json")); // a literal, always valid
    response.body() = to_json(what);
}

api_error unauthorized(bool presented) {
    if (presented) return {401, "The API key is not a valid one.", "invalid_request_error", "", "invalid_api_key"};
    return {401, "An API key is missing: send the header \"Authorization: Bearer KEY\".", "invalid_request_error", "",
            "missing_api_key"};
}

api_error unavailable(std::string const& what, std::error_code why) {
    return {503, what + " now: " + why.message(), "server_error", "",
            why == weir::errc::overloaded ? "overloaded" : "unavailable"};
}

} // namespace gateway
