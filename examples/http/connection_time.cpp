// examples/http/connection_time.cpp: how long a client may take for each of the things that a connection waits for.
#include "connection.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace http {

bool connection::check_time(std::uint32_t now) noexcept {
    auto const [what, since] = turn_.load(weir::relaxed); // a watch that is late by one turn does no harm
    auto const passed = (now - since) * server::tick;
    auto const longer_than = [&](std::chrono::seconds limit) { return passed > limit; };
    auto const& options = server_.options_;
    auto const pause = std::min(options.body, options.body_pause);
    auto& reads = (*reads_)->stop;
    switch (what) {
        case doing::idle:
            if (longer_than(options.idle)) return reads.request_stop(weir::errc::timed_out);
            if (passed > options.rest) reads.request_stop(rest_reason);
            return false;
        case doing::resting: return longer_than(options.idle) && reads.request_stop(weir::errc::timed_out);
        case doing::reading_head: return longer_than(options.head) && reads.request_stop(weir::errc::timed_out);
        case doing::reading_body: return longer_than(pause) && reads.request_stop(weir::errc::timed_out);
        case doing::sending: return longer_than(options.send) && all_->request_stop(weir::errc::timed_out);
        case doing::handling: return false; // the handler's own affair
    }
    return false;
}

bool connection::count_body(std::size_t size) noexcept {
    auto const& options = server_.options_;
    auto const now = server_.now();
    std::size_t const a_tick = std::max<std::size_t>(1, options.body_rate * server::tick / std::chrono::seconds{1});
    body_credit_ += size;
    auto const bought = body_credit_ / a_tick;
    body_credit_ %= a_tick;
    auto since = turn_.load(weir::relaxed).since; // written by this task only
    since += static_cast<std::uint32_t>(std::min<std::size_t>(bought, now - since));
    turn_.store(turn{doing::reading_body, since}, weir::relaxed); // a watch that is late by one turn does no harm
    return (now - body_begun_) * server::tick <= options.body;
}

weir::task<> connection::give_up() {
    server_.figures_.timed_out.add();
    refuse(error{408, "request_timeout", "the request did not arrive in time"});
    static_cast<void>(co_await flush()); // the connection ends in any case
}

} // namespace http
