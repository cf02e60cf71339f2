// weir/net/happy_eyeballs.hpp: connects to the first of several addresses that answers, without waiting long for any.
// One attempt follows the other after a short while, or at once where the one before has failed; families take turns. The
// first to connect wins; the others are stopped, joined and closed.
// Source:   D. Schinazi, T. Pauly, "Happy Eyeballs Version 2", RFC 8305, 2017, sections 4 and 5; we take the addresses in
//           the order in which they are given, as getaddrinfo(3) has sorted them already.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/channel/channel.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/net/address.hpp>
#include <weir/net/tcp.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

namespace weir::inline v0::net {

class connect_options {
public:
    connect_options() {}
    std::chrono::milliseconds stagger{250}; // until the next attempt, while one is under way; RFC 8305 wants 100 to 2000
};

// The addresses with their families in turn, each family's in its own order, beginning with that of the first.
std::vector<address> by_turns(std::vector<address> all);

// Connects to one of `to`.
// Errors: std::errc::invalid_argument for none; when all have failed, why the first of them did.
// Cancel: all attempts are given up; peers may have seen a connection.
// Cost:   a scope, a channel, and for each attempt begun a frame and a socket.
task<result<tcp_socket>> connect_tcp_any(std::vector<address> to, connect_options options = {});

inline std::vector<address> by_turns(std::vector<address> all) {
    if (all.empty()) return all;
    int const first = all.front().family();
    std::vector<address> others;
    auto const is_other = [first](address const& each) { return each.family() != first; };
    std::copy_if(all.begin(), all.end(), std::back_inserter(others), is_other);
    std::erase_if(all, is_other);
    std::vector<address> mixed;
    for (std::size_t n = 0; n < std::max(all.size(), others.size()); ++n) {
        if (n < all.size()) mixed.push_back(all[n]);
        if (n < others.size()) mixed.push_back(others[n]);
    }
    return mixed;
}

namespace detail {

// Every attempt ends by telling how it went; there is room for all, so that none waits for it.
class connection_race : immovable {
public:
    connection_race(std::vector<address> to, connect_options options)
        : to_{by_turns(std::move(to))}, stagger_{options.stagger}, ends_{to_.size()} {}

    task<result<tcp_socket>> run(scope& attempts);

private:
    struct end {
        std::size_t attempt;
        result<tcp_socket> made;
    };

    static task<> attempt(connection_race* of, std::size_t number) {
        auto made = co_await connect_tcp(of->to_[number]);
        of->ends_.try_send(end{number, std::move(made)}); // what nobody takes any more is closed with the channel
    }

    std::vector<address> const to_;
    duration const stagger_;
    channel<end> ends_;
};

inline task<result<tcp_socket>> connection_race::run(scope& attempts) {
    context const& here = co_await this_task();
    std::size_t begun = 0;
    std::size_t ended = 0;
    std::error_code first_error;
    std::size_t failed_first = to_.size();
    while (ended < to_.size()) {
        bool const more = begun < to_.size();
        if (more) attempts.spawn(&connection_race::attempt, this, begun++);
        for (bool next = false; !next && ended < begun;) {
            duration const patience = begun < to_.size() ? stagger_ : duration::max();
            auto how = co_await timeout(ends_.recv(), patience);
            if (!how) {
                if (here.stop.stop_requested()) co_return how.error();
                break; // it takes long: another one beside it
            }
            if (how->made) {
                attempts.request_stop();
                co_return std::move(how->made);
            }
            ++ended;
            if (how->attempt < failed_first) {
                failed_first = how->attempt;
                first_error = how->made.error();
            }
            next = begun < to_.size();
        }
    }
    co_return first_error;
}

inline task<result<tcp_socket>> race_to_connect(std::vector<address> to, connect_options options) {
    connection_race race{std::move(to), options};
    auto const run = [](scope& attempts, connection_race* of) { return of->run(attempts); };
    co_return co_await in_scope(run, &race);
}

} // namespace detail

inline task<result<tcp_socket>> connect_tcp_any(std::vector<address> to, connect_options options) {
    if (to.empty()) co_return std::make_error_code(std::errc::invalid_argument);
    if (to.size() == 1) co_return co_await connect_tcp(to.front());
    co_return co_await detail::race_to_connect(std::move(to), options);
}

} // namespace weir::net
