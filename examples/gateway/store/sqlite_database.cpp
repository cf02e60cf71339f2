// examples/gateway/store/sqlite_database.cpp: calls on blocking threads, with a deadline that really interrupts.
#include "sqlite_database.hpp"

#include <weir/runtime/watchdog.hpp>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace gateway {

namespace {

// What of the caller's wait the thread must know.
class limits {
public:
    limits(weir::context const& of, weir::duration longest) noexcept
        : until{std::min(of.deadline, weir::clock::now() + longest)}, stop{of.stop} {}
    weir::time_point until;
    weir::stop_token stop;
};

// Calls `what(connection, args...)` on a thread that may block, and interrupts it at the limits.
template <class T, class F, class... Args>
weir::task<weir::result<T>> run(weir::worker_local<sqlite_connection>& on, weir::duration longest, F what, Args... args) {
    limits const within{co_await weir::this_task(), longest};
    auto const call = [](sqlite_connection& its, limits until, F fn, Args... with) -> weir::result<T> {
        its.wait_until(until.until);
        weir::interrupt_options options;
        options.stop = until.stop;
        auto const stop = [&] { its.interrupt(); };
        return weir::with_interrupt(until.until, stop, [&] { return (its.*fn)(with...); }, options);
    };
    try {
        co_return co_await on.with(call, within, std::move(what), std::move(args)...);
    } catch (std::system_error const& error) { // there is no connection, and none could be made
        co_return error.code();
    }
}

} // namespace

sqlite_database::sqlite_database(std::string path, sqlite_options options)
    : options_{options},
      connections_{[at = std::move(path), pages = options.max_pages] { return sqlite_connection{at, pages}; },
                   [](sqlite_connection& its) { return its.reset(); }} {}

weir::task<weir::result<std::optional<key_record>>> sqlite_database::find_key(key_digest key) {
    return run<std::optional<key_record>>(connections_, options_.longest_query, &sqlite_connection::find_key, key);
}

weir::task<weir::result<bool>> sqlite_database::add_key(key_digest key, key_record its) {
    return run<bool>(connections_, options_.longest_query, &sqlite_connection::add_key, key, std::move(its));
}

weir::task<weir::result<bool>> sqlite_database::revoke_key(key_digest key) {
    return run<bool>(connections_, options_.longest_query, &sqlite_connection::revoke_key, key);
}

weir::task<weir::result<void>> sqlite_database::insert(std::span<audit_row const> rows) {
    return run<void>(connections_, options_.longest_query, &sqlite_connection::insert, rows);
}

bool sqlite_database::may_recover(std::error_code error) const noexcept {
    static constexpr std::array passing{SQLITE_BUSY,     SQLITE_LOCKED, SQLITE_FULL,  SQLITE_IOERR, SQLITE_CANTOPEN,
                                        SQLITE_READONLY, SQLITE_NOMEM,  SQLITE_PROTOCOL, SQLITE_INTERRUPT};
    int const primary = error.value() & 0xff;
    return error.category() == sqlite_category() && std::find(passing.begin(), passing.end(), primary) != passing.end();
}

} // namespace gateway
