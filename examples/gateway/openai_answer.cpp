// examples/gateway/openai_answer.cpp: answers in JSON.
#include "openai_answer.hpp"

namespace gateway {

void answer_json(http::response& into, std::string body) {
    static_cast<void>(into.set_content_type("application/json")); // a literal, always valid
    into.body() = std::move(body);
}

void answer_error(http::response& into, api_error const& why) {
    into.set_status(why.status);
    if (why.status == 503) static_cast<void>(into.add_header("Retry-After", "1")); // a literal, always valid
    answer_json(into, to_json(why));
}

api_error unavailable(std::string_view what, std::error_code why) {
    api_error error;
    error.status = 503;
    error.type = "server_error";
    error.code = why == weir::errc::overloaded ? "overloaded" : "unavailable";
    error.message = std::string{what} + " now: " + why.message();
    return error;
}

} // namespace gateway
