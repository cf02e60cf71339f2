// examples/12_bulk_insert.cpp: rows into SQLite, each in a transaction of its own, then as many at a time as there are.
// One idea: a batcher makes one call of what tasks ask one by one, and each still learns what became of its own.
#include <weir/coro/scope.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/runtime/blocking.hpp>
#include <weir/runtime/runtime.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <span>
#include <sqlite3.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace {

constexpr int rows = 2000;
constexpr int writers = 50; // tasks that each wait for a row to be on the disk before they go on to the next

class table {
public:
    explicit table(std::string const& path) {
        if (sqlite3_open(path.c_str(), &database_) != SQLITE_OK) throw std::runtime_error("no database at " + path);
        sqlite3_exec(database_, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; DROP TABLE IF EXISTS number;"
                                "CREATE TABLE number (n INTEGER)", nullptr, nullptr, nullptr);
        sqlite3_prepare_v2(database_, "INSERT INTO number VALUES (?)", -1, &insert_, nullptr);
    }
    ~table() {
        sqlite3_finalize(insert_);
        sqlite3_close(database_);
    }
    // In one transaction. False when it failed, and then none is there.
    bool insert(std::span<int const> numbers) {
        bool good = sqlite3_exec(database_, "BEGIN", nullptr, nullptr, nullptr) == SQLITE_OK;
        for (int const each : numbers) {
            sqlite3_bind_int(insert_, 1, each);
            good = good && sqlite3_step(insert_) == SQLITE_DONE;
            sqlite3_reset(insert_);
        }
        return sqlite3_exec(database_, good ? "COMMIT" : "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK && good;
    }

private:
    sqlite3* database_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
};

double rows_a_second(weir::runtime& on, table& into, std::size_t most_in_a_batch) {
    weir::batcher_options options;
    options.max_items = most_in_a_batch;
    weir::batcher<int, void> one{[&into](std::span<int> numbers, weir::replies<void>& fates) -> weir::task<> {
        auto const kept = co_await weir::blocking(&table::insert, &into, numbers);
        if (!kept || !*kept) co_return; // whose place is left empty gets an error
        for (std::size_t n = 0; n < numbers.size(); ++n) fates.set(n);
    }, options};
    auto const begins = std::chrono::steady_clock::now();
    auto const write = [&one](int first) -> weir::task<> {
        for (int n = first; n < rows; n += writers) {
            auto const kept = co_await one.submit(n);
            if (!kept) std::printf("row %d: %s\n", n, kept.error().message().c_str());
        }
    };
    on.block_on([&]() -> weir::task<> {
        co_await weir::in_scope([&](weir::scope& all) -> weir::task<> {
            for (int n = 0; n < writers; ++n) all.spawn(std::ref(write), n);
            co_return;
        });
        co_await one.close();
    });
    return rows / std::chrono::duration<double>(std::chrono::steady_clock::now() - begins).count();
}

} // namespace

int main() {
    std::string const path = "/tmp/weir-bulk-" + std::to_string(::getpid()) + ".db";
    {
        table into{path};
        weir::runtime runtime;
        double const single = rows_a_second(runtime, into, 1);
        double const many = rows_a_second(runtime, into, 256);
        std::printf("one by one: %.0f rows/s, in batches: %.0f rows/s, ratio %.1f\n", single, many, many / single);
    }
    std::remove(path.c_str());
}
