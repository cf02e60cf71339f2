// tests/gateway/store.cpp: keys and audit rows in the databases themselves, and the look-up of keys above them.
#include "gateway/store.hpp"

#include <gateway/keys.hpp>
#include <gateway/store/sqlite_connection.hpp>
#include <gateway/store/sqlite_database.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <atomic>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

using namespace weir;
using namespace std::chrono_literals;
using gateway::key_digest;
using gateway::key_record;

namespace {

// A database on a runtime; the test is repeated for each kind. `ask` is a way to it that is not the gateway's.
class any_database {
public:
    any_database() : kind_{GENERATE(std::string{"SQLite"}, std::string{"PostgreSQL"})} {
        if (kind_ == "SQLite") {
            where_ = folder_ / "gateway.db";
        } else {
#if __has_include(<libpq-fe.h>)
            where_ = test::postgres_server::running().by_socket();
            ask("DROP TABLE IF EXISTS gateway_schema, api_key, audit");
#else
            SKIP("built without libpq; nothing was tried against PostgreSQL");
#endif
        }
        open();
    }
    ~any_database() { close(); }
    void open() { its_ = gateway::open_database(where_, runs.where()); }
    void close() {
        runs([](gateway::database* of) { return of->close(); }, its_.get());
        its_.reset();
    }
    bool is_sqlite() const { return kind_ == "SQLite"; }
    gateway::database& operator*() noexcept { return *its_; }
    // Calls a member function with arguments.
    template <class R, class... Params, class... Args>
    R operator()(task<R> (gateway::database::*fn)(Params...), Args... args) {
        return runs([&]() { return (its_.get()->*fn)(args...); });
    }
    std::string ask(std::string const& sql) const {
#if __has_include(<libpq-fe.h>)
        if (kind_ != "SQLite") return test::postgres_server::running().ask(sql);
#endif
        return test::ask_sqlite(where_, sql);
    }
    test::two_workers runs;

private:
    test::temporary_folder folder_;
    std::string kind_;
    std::string where_;
    std::unique_ptr<gateway::database> its_;
};

using gateway::database;

} // namespace

TEST_CASE("a digest is SHA-256, is written as digits and read back") {
    auto const digest = key_digest::of("abc");
    CHECK(digest.text() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); // FIPS 180-2, B.1
    CHECK(key_digest::parse(digest.text()) == digest);
    CHECK(!(key_digest::of("abd") == digest));
    CHECK_FALSE(key_digest::parse("ba78").has_value());
    CHECK_FALSE(key_digest::parse(std::string(64, 'g')).has_value());
    CHECK_FALSE(key_digest::parse(std::string(64, 'A')).has_value());
}

TEST_CASE("what a client sends becomes text that every database takes") {
    CHECK(gateway::storable("plain /zwölf 😀") == "plain /zwölf 😀");
    CHECK(gateway::storable(std::string{"a\0b", 3}) == "a?b");
    CHECK(gateway::storable("\xff\xc3") == "??");
    CHECK(gateway::storable("\xc0\xaf\xe0\x80\x80") == "?????");     // longer than needed
    CHECK(gateway::storable("\xed\xa0\x80") == "???");               // half of a pair
    CHECK(gateway::storable("\xf4\x90\x80\x80\xf0\x9f\x98") == "???????"); // beyond the last; cut off
    CHECK(gateway::storable("") == "");
}

TEST_CASE("ids are never the same and grow with time") {
    std::set<std::string> ids;
    auto const now = std::chrono::system_clock::now();
    for (int n = 0; n < 1000; ++n) ids.insert(gateway::audit_row::next_id(now));
    CHECK(ids.size() == 1000);
    CHECK(ids.begin()->size() == 32);
    CHECK(gateway::audit_row::next_id(now + 1ms) > *ids.rbegin());
}

TEST_CASE("a database is named by a URL or a path") {
    runtime rt;
    CHECK_THROWS_AS(gateway::open_database("", rt.get_executor()), std::invalid_argument);
    CHECK_THROWS_AS(gateway::open_database("mysql://x", rt.get_executor()), std::invalid_argument);
    CHECK_THROWS_AS(gateway::open_database("postgresql://h/d?nonsense=1", rt.get_executor()), std::invalid_argument);
}

TEST_CASE("a key is found as it was added, once, and revoked it is still known") {
    any_database db;
    auto const key = key_digest::of("secret");
    key_record record{"it's \"zwölf\""};
    record.rate_limit = 120;
    record.expires = std::chrono::sys_seconds{4'000'000'000s};
    auto const before = db(&database::find_key, key);
    REQUIRE(before.has_value());
    CHECK_FALSE(before->has_value());
    CHECK(db(&database::revoke_key, key).value() == false);
    CHECK(db(&database::add_key, key, record).value() == true);
    CHECK(db(&database::add_key, key, key_record{"another"}).value() == false);
    CHECK(db(&database::find_key, key).value() == record);
    CHECK(db(&database::revoke_key, key).value() == true);
    record.enabled = false;
    CHECK(db(&database::find_key, key).value() == record);
    CHECK(db(&database::add_key, key_digest::of("eternal"), key_record{"no end"}).value());
    CHECK(db(&database::find_key, key_digest::of("eternal")).value() == key_record{"no end"});
    db.close(); // and after it was opened anew, with the tables there already
    db.open();
    CHECK(db(&database::find_key, key).value() == record);
    CHECK(db.ask("SELECT count(*) FROM api_key WHERE digest LIKE '%secret%' OR name LIKE '%secret%'") == "0");
}

TEST_CASE("rows are inserted all or none, and the same rows again are no error") {
    any_database db;
    std::vector<gateway::audit_row> rows;
    for (int n = 0; n < 300; ++n) rows.push_back(test::row_of(n));
    for (auto& row : rows) row.id = gateway::audit_row::next_id(row.at);
    rows[7].request_id = "request, {7}";
    rows[7].path = "/a,b{c}\"d\\e'f NULL";
    for (int times = 0; times < 2; ++times) {
        auto const kept = db(&database::insert, std::span<gateway::audit_row const>{rows});
        INFO(kept.error().message());
        REQUIRE(kept.has_value());
    }
    CHECK(db.ask("SELECT count(*) FROM audit") == "300");
    CHECK(db.ask("SELECT path FROM audit WHERE took = 7") == rows[7].path);
    CHECK(db.ask("SELECT request_id FROM audit WHERE took = 7") == "request, {7}");
    CHECK(db.ask("SELECT count(*) FROM audit WHERE request_id = ''") == "299");
    CHECK(db.ask("SELECT sum(took) FROM audit") == std::to_string(300 * 299 / 2));
    CHECK(db.ask("SELECT at FROM audit WHERE took = 9") ==
          std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(rows[9].at.time_since_epoch()).count()));
    CHECK(db(&database::insert, std::span<gateway::audit_row const>{}).has_value());
    // One that is refused takes its batch along. PostgreSQL's type refuses it; SQLite has none, so there a trigger does.
    std::vector<gateway::audit_row> bad{test::row_of(1000), test::row_of(1001)};
    bad[0].id = gateway::audit_row::next_id(bad[0].at);
    bad[1].id = "no id";
    db.ask("CREATE TRIGGER refuse BEFORE INSERT ON audit WHEN new.id = 'no id' BEGIN SELECT RAISE(ABORT, 'no'); END");
    auto const refused = db(&database::insert, std::span<gateway::audit_row const>{bad});
    REQUIRE_FALSE(refused.has_value());
    CHECK_FALSE((*db).may_recover(refused.error()));
    CHECK(db.ask("SELECT count(*) FROM audit") == "300");
}

TEST_CASE("the tables of an older gateway are brought up to date, and keep what they have") {
    any_database db;
    std::vector<gateway::audit_row> rows{test::row_of(1)};
    rows[0].id = gateway::audit_row::next_id(rows[0].at);
    REQUIRE(db(&database::insert, std::span<gateway::audit_row const>{rows}).has_value());
    db.close();
    db.ask("ALTER TABLE audit DROP COLUMN request_id");
    db.ask(db.is_sqlite() ? "PRAGMA user_version = 1" : "DELETE FROM gateway_schema WHERE version = 2");
    db.open();
    rows.push_back(test::row_of(2));
    rows[1].id = gateway::audit_row::next_id(rows[1].at);
    rows[1].request_id = "new";
    REQUIRE(db(&database::insert, std::span<gateway::audit_row const>{rows}).has_value());
    CHECK(db.ask("SELECT request_id FROM audit WHERE took = 1").empty());
    CHECK(db.ask("SELECT request_id FROM audit WHERE took = 2") == "new");
}

TEST_CASE("many connections make the tables together, and write at a time, and nothing is lost") {
    any_database db;
    auto const failed = db.runs([](gateway::database* to) -> task<std::string> {
        auto const write = [](gateway::database* into, int first) -> task<std::string> {
            std::string bad;
            for (int n = 0; n < 20; ++n) {
                auto const key = key_digest::of(std::to_string(first + n));
                auto const added = co_await into->add_key(key, key_record{"k"});
                auto const found = co_await into->find_key(key);
                if (!added) bad += "add: " + added.error().message() + "; ";
                else if (!*added) bad += "add: it is there; ";
                if (!found) bad += "find: " + found.error().message() + "; ";
                else if (!*found) bad += "find: it is not there; ";
            }
            co_return bad;
        };
        std::vector<task<std::string>> all;
        for (int n = 0; n < 8; ++n) all.push_back(write(to, n * 100));
        auto const parts = co_await when_all(std::move(all));
        std::string sum;
        for (auto const& one : parts) sum += one;
        co_return sum;
    }, &*db);
    CHECK(failed == "");
    CHECK(db.ask("SELECT count(*) FROM api_key") == "160");
}

TEST_CASE("connections that open a new file at once all get it") {
    for (int round = 0; round < 20; ++round) {
        test::temporary_folder folder;
        std::atomic<int> opened{0};
        std::atomic<int> ready{0};
        std::vector<std::thread> all;
        for (int n = 0; n < 4; ++n)
            all.emplace_back([&] {
                ++ready;
                while (ready < 4) std::this_thread::yield();
                try {
                    gateway::sqlite_connection const one{folder / "new.db", 0};
                    ++opened;
                } catch (std::exception const&) {
                }
            });
        for (auto& one : all) one.join();
        REQUIRE(opened == 4);
    }
}

TEST_CASE("a lock that somebody holds is waited for until the caller's deadline, and not longer") {
    test::temporary_folder folder;
    test::two_workers runs;
    gateway::sqlite_database db{folder / "held.db"};
    auto const add = [&](weir::duration patience, std::string key) {
        return runs([](gateway::database* to, weir::duration its, std::string what) -> task<result<bool>> {
            co_return co_await timeout(to->add_key(key_digest::of(what), key_record{"k"}), its);
        }, &db, patience, key);
    };
    REQUIRE(add(5s, "first").has_value());
    sqlite3* other = nullptr;
    sqlite3_open((folder / "held.db").c_str(), &other);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    auto const begun = weir::clock::now();
    auto const late = add(100ms, "second");
    REQUIRE_FALSE(late.has_value());
    CHECK(db.may_recover(late.error()));
    CHECK(weir::clock::now() - begun >= 90ms);
    CHECK(weir::clock::now() - begun < 5s);
    sqlite3_close(other);
    CHECK(add(5s, "second").value());
    CHECK(db.counts().discarded == 0);
}

TEST_CASE("a file of a newer gateway is left alone") {
    test::temporary_folder folder;
    test::two_workers runs;
    test::ask_sqlite(folder / "new.db", "PRAGMA user_version = 99");
    gateway::sqlite_database db{folder / "new.db"};
    auto const found = runs([](gateway::database* of) { return of->find_key(key_digest::of("x")); }, &db);
    CHECK_FALSE(found.has_value());
    CHECK(test::ask_sqlite(folder / "new.db", "SELECT count(*) FROM sqlite_schema") == "0");
}

TEST_CASE("keys are admitted while they are good, and looked up once for many requests") {
    test::two_workers runs;
    test::pretended_database db;
    gateway::key_store store{db, runs.where()};
    auto const admitted = [&](std::string key) {
        return runs([](gateway::key_store* of, std::string what) { return of->admit(what); }, &store, std::move(key));
    };
    auto const add = [&](std::string key, key_record its) {
        return runs([](gateway::key_store* of, std::string what, key_record with) { return of->add(what, with); }, &store,
                    std::move(key), std::move(its)).value();
    };
    CHECK_FALSE(admitted("later").value().has_value());
    CHECK(add("later", key_record{"later"})); // which forgets that it was unknown
    CHECK(admitted("later").value()->name == "later");
    key_record old{"old"};
    old.expires = std::chrono::sys_seconds{1s};
    add("old", old);
    CHECK_FALSE(admitted("old").value().has_value());
    key_record off{"off"};
    off.enabled = false;
    add("off", off);
    CHECK_FALSE(admitted("off").value().has_value());

    db.looks.store(0, relaxed); // nobody looks meanwhile
    add("busy", key_record{"busy"});
    for (int n = 0; n < 100; ++n) REQUIRE(admitted("busy").value().has_value());
    CHECK(db.looks.load(relaxed) == 1); // the same
    CHECK(runs([](gateway::key_store* of) { return of->revoke("busy"); }, &store).value());
    CHECK_FALSE(admitted("busy").value().has_value());
    runs([](gateway::key_store* of) { return of->close(); }, &store);
}

TEST_CASE("while the database is away known keys serve on, and a key that is gone does not come back") {
    test::two_workers runs;
    test::pretended_database db;
    gateway::key_store_options quick;
    quick.time_to_live = 20ms;
    quick.negative_time_to_live = 10ms;
    quick.error_time_to_live = 5ms;
    gateway::key_store store{db, runs.where(), quick};
    auto const admitted = [&](std::string key) {
        return runs([](gateway::key_store* of, std::string what) { return of->admit(what); }, &store, std::move(key));
    };
    auto const pause = [&] { std::this_thread::sleep_for(40ms); };
    runs([](gateway::key_store* of) { return of->add("known", key_record{"known"}); }, &store).value();
    REQUIRE(admitted("known").value().has_value());
    db.away.store(true, relaxed); // a flag
    pause();
    CHECK(admitted("known").value().has_value());
    CHECK_FALSE(admitted("new").has_value()); // nothing is known of it: an error, and no refusal
    db.away.store(false, relaxed);            // the same
    pause();
    CHECK_FALSE(admitted("new").value().has_value());

    // Elsewhere somebody revokes the one and adds the other; this store hears of it when its time is over.
    REQUIRE(runs([](test::pretended_database* of) { return of->revoke_key(key_digest::of("known")); }, &db).value());
    REQUIRE(runs([](test::pretended_database* of) { return of->add_key(key_digest::of("new"), key_record{"new"}); }, &db)
                .value());
    pause();
    CHECK_FALSE(admitted("known").value().has_value());
    CHECK(admitted("new").value().has_value());
    db.away.store(true, relaxed); // the same
    pause();
    CHECK_FALSE(admitted("known").value().has_value()); // what is known last is that it was revoked
    runs([](gateway::key_store* of) { return of->close(); }, &store);
}

TEST_CASE("no file of the database has a key in it") {
    test::temporary_folder folder;
    test::two_workers runs;
    auto const secret = gateway::keys::random();
    {
        gateway::sqlite_database db{folder / "keys.db"};
        gateway::key_store store{db, runs.where()};
        REQUIRE(runs([](gateway::key_store* of, std::string what) { return of->add(what, key_record{"name"}); }, &store,
                     secret)
                    .value());
        CHECK(runs([](gateway::key_store* of, std::string what) { return of->admit(what); }, &store, secret)
                  .value()
                  .has_value());
        runs([](gateway::key_store* of) { return of->close(); }, &store);
        for (auto const end : {"", "-wal"}) {
            std::ifstream file{folder / "keys.db" + end, std::ios::binary};
            std::string const bytes{std::istreambuf_iterator<char>{file}, {}};
            CHECK(bytes.find(secret) == std::string::npos);
        }
    }
    CHECK(test::ask_sqlite(folder / "keys.db", "SELECT digest FROM api_key") == key_digest::of(secret).text());
}
