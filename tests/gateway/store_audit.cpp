// tests/gateway/store_audit.cpp: no audit row is lost in silence, whatever becomes of the database under it.
#include "gateway/store.hpp"
#include "support/scale.hpp"

#include <gateway/store/sqlite_database.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <sys/mount.h>
#include <thread>

using namespace weir;
using namespace std::chrono_literals;
using test::row_of;

namespace {

// What a log says.
class words {
public:
    std::function<void(std::string_view)> ear() {
        return [this](std::string_view text) {
            std::scoped_lock const alone{lock_};
            all_ += text;
            all_ += '\n';
        };
    }
    bool have(std::string_view text) const {
        std::scoped_lock const alone{lock_};
        return all_.find(text) != std::string::npos;
    }
    std::string all() const {
        std::scoped_lock const alone{lock_};
        return all_;
    }

private:
    std::mutex mutable lock_;
    std::string all_;
};

gateway::audit_log_options quick(words& heard) {
    gateway::audit_log_options options;
    options.first_pause = 1ms;
    options.longest_pause = 20ms;
    options.say = heard.ear();
    return options;
}

void close(test::two_workers& runs, gateway::audit_log& log, weir::duration patience) {
    runs([](gateway::audit_log* of, weir::duration its) { return of->close(its); }, &log, patience);
}

// Waits until `holds()`, for at most ten seconds.
template <class Holds>
bool soon(Holds holds) {
    for (int n = 0; n < 10'000 && !holds(); ++n) std::this_thread::sleep_for(1ms);
    return holds();
}

void record(gateway::audit_log& into, int first, int count) {
    for (int n = first; n < first + count; ++n) into.record(row_of(n));
}

} // namespace

TEST_CASE("two threads hammer a log, and each row is written once") {
    test::two_workers runs;
    test::pretended_database db;
    words heard;
    gateway::audit_log log{db, runs.where(), quick(heard)};
    int const each = static_cast<int>(test::scaled(20'000));
    std::thread other{[&] { record(log, each, each); }};
    record(log, 0, each);
    other.join();
    close(runs, log, 30s);
    auto const figures = log.figures();
    CHECK(db.rows() == static_cast<std::size_t>(2 * each));
    CHECK(figures.written == static_cast<std::uint64_t>(2 * each));
    CHECK(figures.lost == 0);
    CHECK(figures.waiting == 0);
    CHECK(heard.all().empty());
}

TEST_CASE("while the database is away rows wait up to the bound, and what is lost beyond it is counted and said") {
    test::two_workers runs;
    test::pretended_database db;
    words heard;
    auto options = quick(heard);
    options.most_waiting = 100;
    gateway::audit_log log{db, runs.where(), options};
    db.away.store(true, relaxed); // a flag
    int taken = 0;
    for (int n = 0; n < 150; ++n) taken += log.record(row_of(n));
    CHECK(taken == 100);
    CHECK(log.figures().waiting == 100);
    CHECK(log.figures().lost == 50);
    CHECK(heard.have("rows are lost so far: too many rows wait"));
    CHECK(soon([&] { return heard.have("rows wait\n") && log.figures().attempts >= 3; }));
    CHECK(db.rows() == 0);
    db.away.store(false, relaxed); // the same
    CHECK(soon([&] { return log.figures().waiting == 0; }));
    CHECK(heard.have("rows are written again"));
    CHECK(log.record(row_of(1000))); // there is room again
    close(runs, log, 30s);
    CHECK(db.rows() == 101);
    CHECK(log.figures().written == 101);
    CHECK(heard.have("50 rows were lost in all"));
}

TEST_CASE("an acknowledgement that is lost makes no second row") {
    test::two_workers runs;
    test::pretended_database db;
    words heard;
    gateway::audit_log log{db, runs.where(), quick(heard)};
    db.forgets.store(true, relaxed); // a flag
    record(log, 0, 10);
    close(runs, log, 30s);
    CHECK(db.rows() == 10);
    CHECK(log.figures().attempts == 1);
    CHECK(log.figures().lost == 0);
}

TEST_CASE("a row that the database refuses is lost alone") {
    test::two_workers runs;
    test::pretended_database db;
    words heard;
    gateway::audit_log log{db, runs.where(), quick(heard)};
    db.away.store(true, relaxed); // so that all are in line together
    for (int n = 0; n < 200; ++n) {
        auto row = row_of(n);
        if (n == 77) row.path = "/poison";
        log.record(std::move(row));
    }
    db.away.store(false, relaxed); // the same
    close(runs, log, 30s);
    CHECK(db.rows() == 199);
    CHECK(log.figures().lost == 1);
    CHECK(heard.have("1 rows are lost so far"));
}

TEST_CASE("a log that closes while the database is away gives up in time, and says how many it has lost") {
    test::two_workers runs;
    test::pretended_database db;
    words heard;
    auto options = quick(heard);
    options.longest_pause = 1h;
    options.first_pause = 1h; // a pause is cut short, too
    gateway::audit_log log{db, runs.where(), options};
    db.away.store(true, relaxed); // a flag
    record(log, 0, 1000);
    auto const begun = weir::clock::now();
    close(runs, log, 50ms);
    CHECK(weir::clock::now() - begun >= 50ms);
    CHECK(weir::clock::now() - begun < 10s);
    CHECK(log.figures().lost == 1000);
    CHECK(log.figures().waiting == 0);
    CHECK(heard.have("1000 rows were lost in all"));
    CHECK_FALSE(log.record(row_of(0)));
    CHECK(log.figures().lost == 1001);
}

TEST_CASE("a shutdown with ten thousand rows in line loses none") {
    test::two_workers runs;
    test::temporary_folder folder;
    std::unique_ptr<gateway::database> db;
    std::function<std::string()> count;
    if (GENERATE(true, false)) {
        db = gateway::open_database(folder / "audit.db", runs.where());
        count = [&] { return test::ask_sqlite(folder / "audit.db", "SELECT count(*) FROM audit"); };
    } else {
#if __has_include(<libpq-fe.h>)
        auto& server = test::postgres_server::running();
        server.ask("DROP TABLE IF EXISTS gateway_schema, api_key, audit");
        db = gateway::open_database(server.by_socket(), runs.where());
        count = [&] { return server.ask("SELECT count(*) FROM audit"); };
#else
        SKIP("built without libpq; nothing was tried against PostgreSQL");
#endif
    }
    words heard;
    gateway::audit_log log{*db, runs.where(), quick(heard)};
    std::thread other{[&] { record(log, 5000, 5000); }};
    record(log, 0, 5000);
    other.join();
    auto const waiting = log.figures().waiting;
    CHECK(waiting > 0);
    auto const begun = weir::clock::now();
    close(runs, log, 60s);
    auto const took = std::chrono::duration_cast<std::chrono::milliseconds>(weir::clock::now() - begun);
    INFO(waiting << " waited for " << took.count() << " ms; " << heard.all());
    CHECK(count() == "10000");
    CHECK(log.figures().written == 10'000);
    CHECK(log.figures().lost == 0);
    CHECK(log.figures().batches < 2500);
    runs([](gateway::database* of) { return of->close(); }, db.get());
}

TEST_CASE("on a full disk rows wait, and are written when there is room") {
    test::two_workers runs;
    test::temporary_folder folder;
    words heard;
    auto const disk = folder / "";
    auto const file = folder / "audit.db";
    bool const mounted = ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=256k") == 0;
    gateway::sqlite_options sqlite;
    if (!mounted) sqlite.max_pages = 32; // stands in for a disk, where none may be mounted
    {
        gateway::sqlite_database db{file, sqlite};
        auto options = quick(heard);
        options.most_waiting = 4000;
        gateway::audit_log log{db, runs.where(), options};
        record(log, 0, 3000);
        REQUIRE(soon([&] { return heard.have("rows wait"); }));
        INFO(heard.all());
        CHECK((heard.have("full") || heard.have("disk I/O error"))); // SQLite's words for SQLITE_FULL, and for its index
        record(log, 3000, 3000);
        auto const full = log.figures();
        CHECK(full.lost > 0);
        if (mounted) REQUIRE(::mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=16m") == 0);
        close(runs, log, mounted ? weir::duration{30s} : weir::duration{100ms});
        auto const ended = log.figures();
        if (mounted) CHECK(ended.lost == full.lost);
        CHECK(ended.lost + ended.written == 6000);
        CHECK(test::ask_sqlite(file, "SELECT count(*) FROM audit") == std::to_string(ended.written));
        CHECK(heard.have(std::to_string(ended.lost) + " rows were lost in all"));
    }
    // The connections end with the threads that have them, which goes before the disk does.
    runs->shutdown();
    if (mounted) ::umount2(disk.c_str(), MNT_DETACH);
}

#if __has_include(<libpq-fe.h>)

TEST_CASE("PostgreSQL is killed under load and comes back: no row is lost, and no request hangs") {
    auto& server = test::postgres_server::running();
    server.ask("DROP TABLE IF EXISTS gateway_schema, api_key, audit");
    test::two_workers runs;
    auto const db = gateway::open_database(server.by_name(), runs.where());
    words heard;
    gateway::audit_log log{*db, runs.where(), quick(heard)};
    gateway::key_store_options options;
    options.time_to_live = 10ms;
    gateway::key_store keys{*db, runs.where(), options};
    runs([](gateway::key_store* of) { return of->add("known", gateway::key_record{"known"}); }, &keys).value();

    atomic<bool> over{false};
    atomic<int> recorded{0};
    weir::duration slowest{};
    int refused = 0;
    std::thread load{[&] {
        for (int n = 0; !over.load(relaxed); ++n) { // a flag
            auto const begun = weir::clock::now();
            auto const who = runs([](gateway::key_store* of) { return of->admit("known"); }, &keys);
            refused += !who || !*who;
            slowest = std::max(slowest, weir::clock::now() - begun);
            std::this_thread::sleep_for(500us); // so that fewer come in an outage than may wait
            for (int more = 0; more < 5; ++more) recorded.fetch_add(log.record(row_of(n)), relaxed); // a count
        }
    }};
    for (int n = 0; n < 3; ++n) {
        std::this_thread::sleep_for(200ms);
        server.kill();
        std::this_thread::sleep_for(100ms);
        server.start();
    }
    CHECK(soon([&] { return heard.have("written again"); }));
    over.store(true, relaxed); // the same
    load.join();
    close(runs, log, 30s);
    INFO(heard.all());
    CHECK(log.figures().lost == 0);
    CHECK(log.figures().attempts > 0);
    CHECK(server.ask("SELECT count(*) FROM audit") == std::to_string(recorded.load(relaxed))); // all have ended
    CHECK(refused == 0);
    CHECK(slowest < 5s);
    runs([](gateway::key_store* of) { return of->close(); }, &keys);
    runs([](gateway::database* of) { return of->close(); }, db.get());
}

#endif
