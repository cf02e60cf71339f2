// examples/http/event_stream.hpp: a response of server-sent events, as browsers and clients of language models read them.
//     http::event_stream events{one};
//     auto const sent = co_await events.send(http::event{"hello"});
// Source:   WHATWG HTML, section 9.2 "Server-sent events".
#pragma once

#include "exchange.hpp"

#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace http {

// One event; views that last until it is sent.
class event {
public:
    explicit event(std::string_view of) noexcept : data{of} {}
    event(std::string_view of_name, std::string_view of) noexcept : data{of}, name{of_name} {}

    std::string_view data; // any number of lines
    std::string_view name; // "message" to the client where it is empty
    std::optional<std::string_view> id;
    std::optional<std::chrono::milliseconds> retry; // how long the client waits before it connects again
};

// Adds the event as it is sent.
// Returns: false, and then nothing is added, if the name or the id could end its line, or the id holds a NUL.
[[nodiscard]] bool append_event(std::string& to, event const& what);

class event_stream {
public:
    // Begins the stream.  Needs: a response that was not begun.
    explicit event_stream(exchange& one);

    // Sends it at once.  Errors: as body_stream::write; std::errc::invalid_argument where append_event says false.
    weir::task<weir::result<void>> send(event what);
    // A line that clients skip: it keeps proxies from closing a quiet connection, and finds out who has left.
    // Needs: a text of one line.
    weir::task<weir::result<void>> comment(std::string_view text = {});
    // Sends the head, so that the client knows that it is connected before there is an event.
    weir::task<weir::result<void>> flush() { return one_.stream.flush(); }
    bool server_ending() const noexcept { return one_.stream.server_ending(); }

private:
    exchange& one_;
    std::string text_; // being sent
};

} // namespace http
