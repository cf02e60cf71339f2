// bench/flow/batcher/rows.hpp: rows of SQLite, inserted and looked for by 64 tasks: one statement each, or many at once.
// The database is used on the worker itself: the call is what is shared, and a thread would cost both the same.
#pragma once

#include "many_tasks.hpp"

#include <harness/measure.hpp>

#include <weir/coro/task.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/loader.hpp>
#include <weir/flow/mix_hash.hpp>

#if WEIR_BENCH_SQLITE
#include <sqlite3.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <unistd.h>

namespace bench {

enum class medium : unsigned char { memory, file };

#if WEIR_BENCH_SQLITE

// A table of numbers, in memory or in a file that goes with it.
class table {
public:
    explicit table(medium where) {
        if (where == medium::file) {
            folder_ = std::filesystem::temp_directory_path() / ("weir-rows-" + std::to_string(getpid()));
            std::filesystem::create_directories(folder_);
        }
        std::string const path = folder_.empty() ? ":memory:" : (folder_ / "rows.db").string();
        must(sqlite3_open(path.c_str(), &database_));
        if (!folder_.empty()) execute("PRAGMA journal_mode=WAL");
        execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, number INTEGER NOT NULL)");
        insert_ = prepare("INSERT INTO rows (number) VALUES (?)");
        select_ = prepare("SELECT number FROM rows WHERE id = ?");
    }
    table(table const&) = delete;
    table& operator=(table const&) = delete;
    ~table() {
        sqlite3_finalize(insert_);
        sqlite3_finalize(select_);
        sqlite3_finalize(select_many_);
        sqlite3_close(database_);
        if (!folder_.empty()) std::filesystem::remove_all(folder_);
    }

    void insert(std::int64_t number) {
        must(sqlite3_bind_int64(insert_, 1, number));
        if (sqlite3_step(insert_) != SQLITE_DONE) must(SQLITE_ERROR);
        must(sqlite3_reset(insert_));
    }
    void execute(char const* text) { must(sqlite3_exec(database_, text, nullptr, nullptr, nullptr)); }
    std::int64_t find(std::int64_t id) {
        must(sqlite3_bind_int64(select_, 1, id));
        if (sqlite3_step(select_) != SQLITE_ROW) must(SQLITE_ERROR);
        std::int64_t const number = sqlite3_column_int64(select_, 0);
        must(sqlite3_reset(select_));
        return number;
    }
    // One statement for all; `found(id, number)` for each.
    template <class Found>
    void find_many(std::span<std::int64_t> ids, Found found) {
        constexpr std::size_t most = 64;
        if (!select_many_) {
            std::string text = "SELECT id, number FROM rows WHERE id IN (?";
            for (std::size_t n = 1; n < most; ++n) text += ",?";
            select_many_ = prepare((text + ")").c_str());
        }
        for (std::size_t from = 0; from < ids.size(); from += most) {
            for (std::size_t n = 0; n < most; ++n) // the rest repeats the last, which changes nothing
                must(sqlite3_bind_int64(select_many_, static_cast<int>(n + 1), ids[std::min(from + n, ids.size() - 1)]));
            while (sqlite3_step(select_many_) == SQLITE_ROW)
                found(sqlite3_column_int64(select_many_, 0), sqlite3_column_int64(select_many_, 1));
            must(sqlite3_reset(select_many_));
        }
    }
    std::uint64_t count() {
        sqlite3_stmt* const counts = prepare("SELECT COUNT(*) FROM rows");
        sqlite3_step(counts);
        auto const rows = static_cast<std::uint64_t>(sqlite3_column_int64(counts, 0));
        sqlite3_finalize(counts);
        return rows;
    }

private:
    sqlite3_stmt* prepare(char const* text) {
        sqlite3_stmt* made = nullptr;
        must(sqlite3_prepare_v2(database_, text, -1, &made, nullptr));
        return made;
    }
    void must(int status) {
        if (status == SQLITE_OK) return;
        std::fprintf(stderr, "SQLite: %s\n", sqlite3_errmsg(database_));
        std::abort();
    }

    std::filesystem::path folder_;
    sqlite3* database_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
    sqlite3_stmt* select_ = nullptr;
    sqlite3_stmt* select_many_ = nullptr;
};

class inserts_one_by_one : public many_tasks<inserts_one_by_one> {
public:
    static constexpr auto name = "one statement each";
    explicit inserts_one_by_one(medium where) : rows_{where} {}
    weir::task<> one(std::uint64_t number) {
        rows_.insert(static_cast<std::int64_t>(number));
        co_return;
    }

private:
    table rows_;
};

class inserts_by_batcher : public many_tasks<inserts_by_batcher> {
public:
    static constexpr auto name = "weir batcher";
    explicit inserts_by_batcher(medium where) : rows_{where} {}
    double run(std::uint64_t times) {
        std::uint64_t const before = rows_.count();
        double const took = many_tasks::run(times);
        must_equal(rows_.count() - before, times, name);
        return took;
    }
    weir::task<> one(std::uint64_t number) {
        auto const done = co_await inserts_.submit(static_cast<std::int64_t>(number));
        if (!done) std::abort();
    }

private:
    table rows_;
    weir::batcher<std::int64_t, void> inserts_{
        [this](std::span<std::int64_t> batch, weir::replies<void>& out) -> weir::task<> {
            rows_.execute("BEGIN");
            for (std::int64_t const number : batch) rows_.insert(number);
            rows_.execute("COMMIT");
            for (std::size_t n = 0; n < batch.size(); ++n) out.set(n);
            co_return;
        }};
};

// Which of 512 rows is looked for next, by Zipf's law.
class zipf {
public:
    std::int64_t operator()(std::uint64_t seed) {
        std::uint64_t const bits = weir::mix_hash(seed + ++calls_ * 0x9e3779b97f4a7c15u);
        double const part = static_cast<double>(bits >> 11) / 9007199254740992.0;
        return static_cast<std::int64_t>(std::pow(512.0, part)); // of an index n about 1 / n
    }

private:
    std::uint64_t calls_ = 0;
};

class selects_one_by_one : public many_tasks<selects_one_by_one> {
public:
    static constexpr auto name = "one statement each";
    explicit selects_one_by_one(medium where) : rows_{where} {
        for (std::int64_t n = 1; n <= 512; ++n) rows_.insert(3 * n);
    }
    weir::task<> one(std::uint64_t seed) {
        std::int64_t const id = which_(seed);
        if (rows_.find(id) != 3 * id) std::abort();
        co_return;
    }

private:
    table rows_;
    zipf which_;
};

class selects_by_loader : public many_tasks<selects_by_loader> {
public:
    static constexpr auto name = "weir loader";
    explicit selects_by_loader(medium where) : rows_{where} {
        for (std::int64_t n = 1; n <= 512; ++n) rows_.insert(3 * n);
    }
    weir::task<> one(std::uint64_t seed) {
        std::int64_t const id = which_(seed);
        auto const found = co_await numbers_.get(id);
        if (!found || **found != 3 * id) std::abort();
    }

private:
    table rows_;
    zipf which_;
    weir::loader<std::int64_t, std::int64_t> numbers_{
        [this](std::span<std::int64_t> ids, weir::replies<std::int64_t>& out) -> weir::task<> {
            rows_.find_many(ids, [&](std::int64_t id, std::int64_t number) {
                for (std::size_t n = 0; n < ids.size(); ++n)
                    if (ids[n] == id && !out.is_set(n)) out.set(n, number);
            });
            co_return;
        }};
};

#else

// Without SQLite there is nobody to measure.
class no_rows {
public:
    static constexpr auto absent = "no SQLite";
};
class inserts_one_by_one : public no_rows {
public:
    static constexpr auto name = "one statement each";
};
class inserts_by_batcher : public no_rows {
public:
    static constexpr auto name = "weir batcher";
};
class selects_one_by_one : public inserts_one_by_one {};
class selects_by_loader : public no_rows {
public:
    static constexpr auto name = "weir loader";
};

#endif

} // namespace bench
