// tests/gateway/postgres_client.hpp: what the tests of the client of PostgreSQL share: a pool on a runtime of its own.
#pragma once

#include "support/watchdog.hpp"

#include <postgres/pool.hpp>
#include <weir/runtime/runtime.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <utility>

namespace weir::test {

// A runtime and a pool on it, which is closed at the end.
class postgres_client {
public:
    explicit postgres_client(std::string const& where, postgres::pool_options options = {})
        : runs_{two_workers()}, pool_{where, runs_.get_executor(), options} {}
    ~postgres_client() {
        if (open) runs_.block_on([](postgres::pool* of) { return of->close(); }, &pool_);
    }
    bool open = true; // not closed by the test itself
    postgres::pool* operator->() noexcept { return &pool_; }
    template <class... Params>
    postgres::answer ask(std::string sql, Params const&... params) {
        return runs_.block_on([&](std::string text) { return pool_.query(std::move(text), params...); }, std::move(sql));
    }
    // Runs fn(pool&), a task<T>.
    template <class F>
    auto run(F fn) {
        return runs_.block_on(fn, std::ref(pool_));
    }

private:
    static runtime_options two_workers() {
        runtime_options options;
        options.workers = 2;
        return options;
    }
    watchdog const watched_{60};
    runtime runs_;
    postgres::pool pool_;
};

inline postgres::pool_options impatient() {
    postgres::pool_options options;
    options.grace = std::chrono::milliseconds{50};
    options.first_pause = std::chrono::milliseconds{5};
    options.longest_pause = std::chrono::milliseconds{50};
    return options;
}

// Asks one after the other.  Returns: how many answers belong to their questions.
inline task<int> count_right(postgres::pool& from, int first, int count) {
    int right = 0;
    for (int n = first; n < first + count; ++n) {
        auto got = co_await from.query("SELECT $1::int * 2", n);
        right += got && got->integer(0, 0) == 2 * n;
    }
    co_return right;
}

} // namespace weir::test
