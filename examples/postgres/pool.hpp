// examples/postgres/pool.hpp: connections to PostgreSQL, and one line of queries before them.
//     postgres::pool pool{"postgresql://app@db/shop", runtime.get_executor()};
//     auto found = co_await pool.query("SELECT name FROM users WHERE id = $1", id);
//     if (found) use(found->text(0, 0));
//     else log(found.error(), found.message());
// The first query opens the first connection, and as many more are opened as queries are under way at a time, up to a
// bound. A connection that is lost fails the queries that were on it and is opened anew, with pauses that grow. A query
// in line waits for the next attempt to connect, and fails with it: nobody waits for a server that is away.
// Not:      for transactions of several queries, nor for COPY and LISTEN; a query of seconds holds up those behind it on
//           its connection, so queries of that kind want a pool of their own.
#pragma once

#include "answer.hpp"
#include "conninfo.hpp"
#include "parameters.hpp"
#include "session.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/channel/channel.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/jitter.hpp>
#include <weir/net/resolve.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace postgres {

class pool_options {
public:
    pool_options() noexcept {}

    unsigned connections = 4;     // at most; at least 1
    std::size_t pipeline = 64;    // queries on their way on a connection, at most; at least 1
    std::size_t line = 1024;      // queries that wait for a connection; who comes then waits for room; at least 1
    weir::duration connect_timeout = std::chrono::seconds{5};
    weir::duration first_pause = std::chrono::milliseconds{50}; // between attempts, growing
    weir::duration longest_pause = std::chrono::seconds{2};
    // The server ends what runs for longer, for whoever it was; zero: it is not told to, as some proxies want it.
    std::chrono::milliseconds statement_timeout = std::chrono::seconds{30};
    weir::duration grace = std::chrono::seconds{1}; // for a query that its caller has left; cancelled within twice that
};

struct pool_figures {
    std::uint64_t opened = 0; // connections, so far
    std::uint64_t failed = 0; // attempts to open one
    unsigned up = 0;          // connections, now
    std::size_t in_line = 0;  // queries, now
};

// Threads: any, for every function.
class pool : weir::immovable {
public:
    // Begins nothing.  Needs: `where` is a runtime's, and outlives the pool.
    // Errors: std::invalid_argument for settings that libpq cannot read.
    pool(std::string const& settings, weir::executor_ref where, pool_options options = {});
    // Needs: closed.
    ~pool() = default;

    // Sends one statement with its parameters, which are texts, numbers, bools, optionals of these, or std::nullopt.
    // Returns: answer.
    // Errors:  PostgreSQL's, by SQLSTATE; cannot_connect; connection_failure, after which nobody knows whether it was
    //          done; errc::closed, and the reason of a stop.
    // Cancel:  a query in line is not sent. One that was sent may be done or not; its results are dropped.
    template <class... Params>
    weir::task<answer> query(std::string sql, Params const&... params) {
        return ask(std::move(sql), parameters{params...});
    }

    // Turns new queries away, and ends when those before have their answers and the connections are closed.
    // Cancel: fails what is under way with errc::shut_down, and still ends in order.
    weir::task<> close();

    pool_figures figures() const noexcept;

private:
    weir::task<answer> ask(std::string sql, parameters with);
    void grow();
    static weir::task<> keep_link(pool* self);
    static weir::task<weir::result<void>> attempt(pool* self, session* one);
    void fail_line(failure const& why);

    conninfo settings_;
    pool_options const options_;
    weir::net::resolver names_;
    weir::jitter chance_;
    weir::channel<request> line_;
    weir::context const above_;
    weir::scope links_;
    // Figures, and a guess at how many links are worth while: nothing is published by them.
    weir::atomic<unsigned> links_begun_{0};
    weir::atomic<unsigned> asking_{0};
    weir::atomic<unsigned> up_{0};
    weir::atomic<std::uint64_t> opened_{0};
    weir::atomic<std::uint64_t> failed_{0};
};

} // namespace postgres
