// tests/docs/one_insert_a_request.cpp: the code of docs/guide/one_insert_a_request.md, run.
#include "support/watchdog.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/runtime/blocking.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

//! [row]
struct row {
    row(std::string who, int how_much) : name{std::move(who)}, amount{how_much} {}
    std::string name;
    int amount;
};
//! [row]

// Stands for a database: a transaction takes 5 ms, whatever is in it, and a negative amount is refused.
class table {
public:
    // How many were kept; the first that is refused ends the transaction.
    bool insert(std::span<row const> rows) {
        ++transactions;
        std::this_thread::sleep_for(5ms);
        for (row const& one : rows)
            if (one.amount < 0) return false;
        kept += rows.size();
        return true;
    }
    std::atomic<int> transactions{0};
    std::atomic<std::size_t> kept{0};
};

//! [ledger]
using ledger = weir::batcher<row, void>;

auto one_transaction(table& into) {
    return [&into](std::span<row> rows, weir::replies<void>& fates) -> weir::task<> {
        auto const kept = co_await weir::blocking(&table::insert, &into, rows); // on a thread that may be blocked
        for (std::size_t n = 0; n < rows.size(); ++n) {
            if (kept && *kept) fates.set(n);
            else fates.fail(n, std::make_error_code(std::errc::io_error));
        }
    };
}
//! [ledger]

//! [request]
weir::task<bool> book(ledger& rows, std::string name, int amount) {
    // The row has a constructor: g++ before 13 destroys an aggregate twice that braces build in an await.
    auto const kept = co_await rows.submit(row{std::move(name), amount});
    co_return kept.has_value(); // its own fate, not that of the batch
}
//! [request]

weir::task<int> book_many(ledger& rows, int many, int refused) {
    std::vector<weir::task<bool>> clients;
    for (int n = 0; n < many; ++n) clients.push_back(book(rows, "client", n == refused ? -1 : n));
    int kept = 0;
    for (bool const one : co_await weir::when_all(std::move(clients))) kept += one;
    co_return kept;
}

} // namespace

TEST_CASE("five hundred rows are a few transactions") {
    weir::test::watchdog const end{30};
    table accounts;
    weir::runtime runtime;
    runtime.block_on([&accounts]() -> weir::task<> {
        //! [bounds]
        weir::batcher_options options;
        options.max_items = 128;  // of one transaction
        options.max_in_flight = 1; // transactions at a time
        ledger rows{one_transaction(accounts), options};
        //! [bounds]
        int const booked = co_await book_many(rows, 500, -1);
        CHECK(booked == 500);
        //! [close]
        co_await rows.close(); // nothing new, and what is under way is answered
        //! [close]
    });
    CHECK(accounts.kept == 500);
    CHECK(accounts.transactions >= 4); // no batch has more than 128
    CHECK(accounts.transactions < 100); // five, unless the machine stands still meanwhile
}

TEST_CASE("a row that fails its whole batch is found, and fails alone") {
    weir::test::watchdog const end{30};
    table accounts;
    weir::runtime runtime;
    runtime.block_on([&accounts]() -> weir::task<> {
        //! [bisect]
        weir::batcher_options options;
        options.on_error = weir::on_batch_error::bisect; // a batch that fails whole is tried again by halves
        ledger rows{one_transaction(accounts), options};
        //! [bisect]
        int const booked = co_await book_many(rows, 100, 42);
        CHECK(booked == 99);
        CHECK(rows.figures().extra_calls > 0);
        co_await rows.close();
    });
    CHECK(accounts.kept == 99);
}
