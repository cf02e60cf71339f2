// examples/http/event_stream.cpp: the lines of server-sent events.
#include "event_stream.hpp"

#include <weir/base/assert.hpp>

#include <system_error>

namespace http {

namespace {

constexpr std::string_view line_ends = "\r\n";

// Takes a line off `text`, which ends with CRLF, CR, LF or the text.
std::string_view take_line(std::string_view& text) noexcept {
    auto const end = text.find_first_of(line_ends);
    auto const line = text.substr(0, end);
    if (end == std::string_view::npos) {
        text = {};
        return line;
    }
    text.remove_prefix(text.substr(end).starts_with(line_ends) ? end + 2 : end + 1);
    return line;
}

} // namespace

bool append_event(std::string& to, event const& what) {
    using namespace std::string_view_literals;
    if (what.name.find_first_of(line_ends) != std::string_view::npos) return false;
    if (what.id && what.id->find_first_of("\r\n\0"sv) != std::string_view::npos) return false;
    if (what.id) to.append("id: ").append(*what.id).append("\n");
    if (!what.name.empty()) to.append("event: ").append(what.name).append("\n");
    if (what.retry) to.append("retry: ").append(std::to_string(what.retry->count())).append("\n");
    // An end of a line at the end of the data is an empty line of its own, or the client would lose it.
    auto rest = what.data;
    bool more = true;
    while (more) {
        auto const size = rest.size();
        auto const line = take_line(rest);
        more = line.size() < size; // it had an end
        to.append("data: ").append(line).append("\n");
    }
    to.append("\n");
    return true;
}

event_stream::event_stream(exchange& one) : one_{one} {
    bool const valid = one.response.set_content_type("text/event-stream") &&
                       one.response.add_header("Cache-Control", "no-cache") &&
                       one.response.add_header("X-Accel-Buffering", "no"); // nginx would gather events
    WEIR_ASSERT(valid, "a literal is no valid header");
    one.stream.begin();
}

weir::task<weir::result<void>> event_stream::send(event what) {
    text_.clear();
    if (!append_event(text_, what)) co_return std::make_error_code(std::errc::invalid_argument);
    co_return co_await one_.stream.write(text_);
}

weir::task<weir::result<void>> event_stream::comment(std::string_view text) {
    text_.assign(": ").append(text).append("\n\n");
    co_return co_await one_.stream.write(text_);
}

} // namespace http
