// tests/unit/runtime/watchdog_sqlite.cpp: a query that takes for ever is interrupted, and its connection serves on.
// Built where CMake finds SQLite.
#if defined(WEIR_TESTS_SQLITE)

#include <weir/runtime/watchdog.hpp>
#include <weir/runtime/worker_local.hpp>

#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/sync_wait.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <sqlite3.h>
#include <stdexcept>
#include <string>
#include <utility>

using namespace weir;
using namespace std::chrono_literals;

namespace {

class connection : immovable {
public:
    connection() {
        if (sqlite3_open(":memory:", &database_) != SQLITE_OK) throw std::runtime_error("no database");
    }
    ~connection() { sqlite3_close(database_); }

    // The first number of the answer, or the negative code of the error.
    long long ask(std::string const& query) {
        sqlite3_stmt* statement = nullptr;
        int code = sqlite3_prepare_v2(database_, query.c_str(), -1, &statement, nullptr);
        if (code != SQLITE_OK) return -code; // interrupted already
        code = sqlite3_step(statement);
        long long const answer = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -code;
        sqlite3_finalize(statement);
        return answer;
    }
    // Threads: any. Of no effect on a query that has not begun.
    void interrupt() noexcept { sqlite3_interrupt(database_); }

private:
    sqlite3* database_ = nullptr;
};

std::string const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

task<long long> ask(worker_local<connection>& of, std::string query, duration allowed) {
    auto const got = co_await of.with([](connection& its, std::string text, duration span) {
        return with_interrupt(clock::now() + span, [&] { its.interrupt(); }, [&] { return its.ask(text); });
    }, std::move(query), allowed);
    co_return *got;
}

} // namespace

TEST_CASE("an endless query ends at its deadline, and the same connection answers the next one") {
    test::watchdog const watched{60};
    blocking_options one_thread;
    one_thread.threads = 1;
    blocking_pool pool{one_thread};
    worker_local_options options;
    options.pool = &pool;
    worker_local<connection> connections{[] { return connection{}; }, [](connection&) {}, options};
    CHECK(sync_wait(ask(connections, "SELECT 6 * 7", 1h)) == 42);
    auto least = duration::max(); // the machine may be busy with others: what counts is how soon it can be
    for (int n = 0; n < 5; ++n) {
        auto const begun = clock::now();
        CHECK(sync_wait(ask(connections, endless, 30ms)) == -SQLITE_INTERRUPT);
        least = std::min(least, clock::now() - begun);
        CHECK(sync_wait(ask(connections, "SELECT 1 + 1", 1h)) == 2);
    }
    CHECK(least >= 30ms);
    CHECK(least < (test::sanitized ? 100ms : 40ms));
    // A deadline that comes before the query has begun is forgotten by SQLite, and repeated by the watchdog.
    CHECK(sync_wait(ask(connections, endless, 0ms)) == -SQLITE_INTERRUPT);
    CHECK(connections.counts().made == 1);
    CHECK(pool.counts().started == 1);
}

#endif
