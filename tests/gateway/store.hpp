// tests/gateway/store.hpp: what the tests of the store share: a folder, a runtime, databases of every kind.
#pragma once

#include "support/watchdog.hpp"

#include <gateway/store/audit_log.hpp>
#include <gateway/store/database.hpp>
#include <gateway/store/key_store.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#if __has_include(<libpq-fe.h>)
#include "gateway/postgres_server.hpp"
#endif

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <sqlite3.h>
#include <string>
#include <utility>
#include <vector>

namespace weir::test {

class temporary_folder {
public:
    temporary_folder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
    temporary_folder(temporary_folder const&) = delete;
    temporary_folder& operator=(temporary_folder const&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string operator/(std::string const& name) const { return path_ + '/' + name; }

private:
    std::string path_ = "/tmp/weir-store-XXXXXX";
};

// The first value of a query, on a connection of its own.
inline std::string ask_sqlite(std::string const& path, std::string const& sql) {
    sqlite3* database = nullptr;
    std::string answer;
    sqlite3_open(path.c_str(), &database);
    sqlite3_busy_timeout(database, 5000);
    auto const take = [](void* into, int, char** values, char**) {
        *static_cast<std::string*>(into) = values[0] ? values[0] : "NULL";
        return 0;
    };
    char* error = nullptr;
    sqlite3_exec(database, sql.c_str(), take, &answer, &error);
    if (error) answer = error;
    sqlite3_free(error);
    sqlite3_close(database);
    return answer;
}

// A runtime of two workers; a test that hangs ends.
class two_workers {
public:
    two_workers() : runs_{options()} {}
    runtime* operator->() noexcept { return &runs_; }
    executor& where() { return runs_.get_executor(); }
    // Runs `fn(args...)`, a task<T>.
    template <class F, class... Args>
    auto operator()(F fn, Args... args) {
        return runs_.block_on(fn, args...);
    }

private:
    static runtime_options options() {
        runtime_options two;
        two.workers = 2;
        return two;
    }
    watchdog const watched_{90};
    runtime runs_;
};

// A database in memory that can be taken away, and refuses what it is told to.
class pretended_database final : public gateway::database {
public:
    task<result<std::optional<gateway::key_record>>> find_key(gateway::key_digest key) override {
        looks.fetch_add(1, relaxed); // a count
        if (away.load(relaxed)) co_return make_error_code(std::errc::host_unreachable); // a flag
        std::scoped_lock const alone{lock_};
        for (auto const& [digest, record] : keys_)
            if (digest == key) co_return std::optional{record};
        co_return std::optional<gateway::key_record>{};
    }
    task<result<bool>> add_key(gateway::key_digest key, gateway::key_record its) override {
        std::scoped_lock const alone{lock_};
        keys_.emplace_back(key, std::move(its));
        co_return true;
    }
    task<result<bool>> revoke_key(gateway::key_digest key) override {
        std::scoped_lock const alone{lock_};
        for (auto& [digest, record] : keys_)
            if (digest == key) record.enabled = false;
        co_return true;
    }
    task<result<void>> insert(std::span<gateway::audit_row const> rows) override {
        inserts.fetch_add(1, relaxed); // a count
        if (away.load(relaxed)) co_return make_error_code(std::errc::host_unreachable); // a flag
        std::scoped_lock const alone{lock_};
        for (auto const& row : rows)
            if (row.path == "/poison") co_return make_error_code(std::errc::invalid_argument);
        for (auto const& row : rows) ids_.insert(row.id);
        // An acknowledgement that is lost on its way.
        if (forgets.exchange(false, relaxed)) co_return make_error_code(std::errc::host_unreachable); // a flag
        co_return result<void>{};
    }
    bool may_recover(std::error_code error) const noexcept override { return error == std::errc::host_unreachable; }
    task<> close() override { co_return; }

    std::size_t rows() {
        std::scoped_lock const alone{lock_};
        return ids_.size();
    }
    atomic<bool> away{false};
    atomic<bool> forgets{false};
    atomic<int> looks{0};
    atomic<int> inserts{0};

private:
    std::mutex lock_;
    std::set<std::string> ids_;
    std::vector<std::pair<gateway::key_digest, gateway::key_record>> keys_;
};

inline gateway::audit_row row_of(int n) {
    gateway::audit_row row;
    row.at = std::chrono::system_clock::now();
    row.key_name = "key";
    row.client = "127.0.0.1:" + std::to_string(n % 65536);
    row.method = "GET";
    row.path = "/v1/models/" + std::to_string(n);
    row.status = 200;
    row.took = std::chrono::microseconds{n};
    return row;
}

} // namespace weir::test
