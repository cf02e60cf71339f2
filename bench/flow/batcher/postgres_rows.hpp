// bench/flow/batcher/postgres_rows.hpp: rows of PostgreSQL, inserted by 64 tasks: one statement each, or many at once.
// The server is the run's: its address stands in the environment, as WEIR_BENCH_POSTGRES.
#pragma once

#include "many_tasks.hpp"

#include <harness/measure.hpp>

#include <weir/coro/task.hpp>
#include <weir/flow/batcher.hpp>

#if WEIR_BENCH_LIBPQ
#include <postgres/pool.hpp>
#endif

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>

namespace bench {

#if WEIR_BENCH_LIBPQ

// A table of numbers that 64 tasks insert into. What is answered is on the disk.
template <class Self>
class postgres_rows : public many_tasks<Self> {
public:
    static std::string absent() { return std::getenv(address) ? "" : "no PostgreSQL server, or not begun by run.py"; }
    ~postgres_rows() {
        this->runtime_.block_on([](postgres::pool* of) { return of->close(); }, &pool_);
    }
    postgres_rows(postgres_rows const&) = delete;
    postgres_rows& operator=(postgres_rows const&) = delete;

    double run(std::uint64_t times) {
        std::uint64_t const before = count();
        double const took = many_tasks<Self>::run(times);
        must_equal(count() - before, times, Self::name);
        return took;
    }

protected:
    explicit postgres_rows(postgres::pool_options options) : pool_{std::getenv(address), runtime(), options} {
        static_cast<void>(ask("CREATE TABLE IF NOT EXISTS numbers (id bigserial PRIMARY KEY, number bigint NOT NULL)"));
    }
    static postgres::pool_options with(unsigned connections, std::size_t pipeline) {
        postgres::pool_options chosen;
        chosen.connections = connections;
        chosen.pipeline = pipeline;
        return chosen;
    }
    template <class Param>
    weir::task<> insert(std::string sql, Param param) {
        auto const done = co_await pool_.query(std::move(sql), param);
        if (!done) fail(done);
    }

private:
    static constexpr auto address = "WEIR_BENCH_POSTGRES";

    weir::executor& runtime() { return this->runtime_.get_executor(); }
    postgres::answer ask(std::string sql) {
        auto got = this->runtime_.block_on([this](std::string text) { return pool_.query(std::move(text)); },
                                           std::move(sql));
        if (!got) fail(got);
        return got;
    }
    std::uint64_t count() { return static_cast<std::uint64_t>(*ask("SELECT count(*) FROM numbers")->integer(0, 0)); }
    [[noreturn]] static void fail(postgres::answer const& said) {
        std::fprintf(stderr, "PostgreSQL: %s\n", said.message().c_str());
        std::abort();
    }

    postgres::pool pool_;
};

// One connection, which is asked again when it has answered.
class postgres_in_turn : public postgres_rows<postgres_in_turn> {
public:
    static constexpr auto name = "one statement each";
    postgres_in_turn() : postgres_rows{with(1, 1)} {}
    weir::task<> one(std::uint64_t number) { return insert("INSERT INTO numbers (number) VALUES ($1)", number); }
};

// Statements go out before those before them are answered, on four connections.
class postgres_pipelined : public postgres_rows<postgres_pipelined> {
public:
    static constexpr auto name = "one statement each, 4 pipelines";
    postgres_pipelined() : postgres_rows{with(4, 64)} {}
    weir::task<> one(std::uint64_t number) { return insert("INSERT INTO numbers (number) VALUES ($1)", number); }
};

class postgres_by_batcher : public postgres_rows<postgres_by_batcher> {
public:
    static constexpr auto name = "weir batcher";
    postgres_by_batcher() : postgres_rows{with(1, 1)} {}
    weir::task<> one(std::uint64_t number) {
        auto const done = co_await inserts_.submit(static_cast<std::int64_t>(number));
        if (!done) std::abort();
    }

private:
    weir::batcher<std::int64_t, void> inserts_{
        [this](std::span<std::int64_t> batch, weir::replies<void>& out) -> weir::task<> {
            std::span<std::int64_t const> const all{batch};
            auto numbers = postgres::array_literal(all, [](std::int64_t number) { return number; });
            co_await insert("INSERT INTO numbers (number) SELECT unnest($1::bigint[])", std::move(numbers));
            for (std::size_t n = 0; n < batch.size(); ++n) out.set(n);
        }};
};

#else

// Without libpq there is nobody to measure.
class no_postgres {
public:
    static constexpr auto absent = "no libpq";
};
class postgres_in_turn : public no_postgres {
public:
    static constexpr auto name = "one statement each";
};
class postgres_pipelined : public no_postgres {
public:
    static constexpr auto name = "one statement each, 4 pipelines";
};
class postgres_by_batcher : public no_postgres {
public:
    static constexpr auto name = "weir batcher";
};

#endif

} // namespace bench
