// examples/gateway/store/sqlite_connection.cpp: opening, migrating, and the gateway's five queries.
#include "sqlite_connection.hpp"

#include "schema.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace gateway {

namespace {

class category final : public std::error_category {
public:
    char const* name() const noexcept override { return "sqlite"; }
    std::string message(int code) const override { return std::string{"SQLite: "} + sqlite3_errstr(code); }
};

[[noreturn]] void fail(int code, std::string const& what) { throw std::system_error(sqlite_error(code), what); }

} // namespace

std::error_category const& sqlite_category() noexcept {
    static category const instance;
    return instance;
}

// One use of a prepared statement, which is reset at the end of it.
class sqlite_connection::run : weir::immovable {
public:
    explicit run(statement const& of) noexcept : of_{of.get()} {}
    ~run() {
        sqlite3_reset(of_);
        sqlite3_clear_bindings(of_);
    }
    // The text must outlive the use.
    run& operator<<(std::string_view text) noexcept {
        sqlite3_bind_text(of_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
        return *this;
    }
    run& operator<<(std::int64_t number) noexcept {
        sqlite3_bind_int64(of_, ++bound_, number);
        return *this;
    }
    run& operator<<(std::optional<std::chrono::sys_seconds> const& at) noexcept {
        if (at) return *this << std::int64_t{at->time_since_epoch().count()};
        ++bound_; // what is not bound is NULL
        return *this;
    }
    // SQLITE_ROW, SQLITE_DONE, or an error.
    int step() noexcept { return sqlite3_step(of_); }
    std::int64_t integer(int column) noexcept { return sqlite3_column_int64(of_, column); }
    bool is_null(int column) noexcept { return sqlite3_column_type(of_, column) == SQLITE_NULL; }
    std::string text(int column) {
        auto const* const bytes = reinterpret_cast<char const*>(sqlite3_column_text(of_, column));
        return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(of_, column))};
    }

private:
    sqlite3_stmt* of_;
    int bound_ = 0;
};

sqlite_connection::sqlite_connection(std::string const& path, std::int64_t max_pages) {
    sqlite3* opened = nullptr;
    constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int const code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
    database_.reset(opened);
    if (code != SQLITE_OK) fail(code, path);
    sqlite3_extended_result_codes(opened, 1);
    sqlite3_busy_handler(opened, &wait_for_lock, this);
    wait_until(weir::clock::now() + std::chrono::seconds{5});
    // Where several connections change the mode of a new file at once, SQLite refuses some without asking the handler.
    char const* const mode = "PRAGMA journal_mode = WAL";
    for (int tries = 0; sqlite3_exec(opened, mode, nullptr, nullptr, nullptr) != SQLITE_OK; ++tries)
        if ((last_error() & 0xff) != SQLITE_BUSY || !wait_for_lock(this, tries)) fail(last_error(), mode);
    execute("PRAGMA synchronous = FULL"); // in WAL mode less would lose the last commits with the power
    if (max_pages > 0) execute(("PRAGMA max_page_count = " + std::to_string(max_pages)).c_str());
    migrate();
    find_ = prepare("SELECT name, rate_limit, enabled, expires FROM api_key WHERE digest = ?");
    add_ = prepare("INSERT INTO api_key (digest, name, rate_limit, enabled, expires) VALUES (?, ?, ?, ?, ?) "
                   "ON CONFLICT DO NOTHING");
    revoke_ = prepare("UPDATE api_key SET enabled = 0 WHERE digest = ?");
    insert_ = prepare("INSERT INTO audit (id, at, key_name, client, method, path, status, took, request_bytes, "
                      "response_bytes, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    begin_ = prepare("BEGIN IMMEDIATE");
    commit_ = prepare("COMMIT");
    rollback_ = prepare("ROLLBACK");
}

// SQLite's own handler would wait for its time whatever the caller's is.
int sqlite_connection::wait_for_lock(void* self, int tries) noexcept {
    if (weir::clock::now() >= static_cast<sqlite_connection*>(self)->patience_) return 0;
    std::this_thread::sleep_for(std::chrono::microseconds{100} * std::min(tries + 1, 50));
    return 1;
}

void sqlite_connection::execute(char const* sql) {
    if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(last_error(), sql);
}

sqlite_connection::statement sqlite_connection::prepare(char const* sql) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr) != SQLITE_OK)
        fail(last_error(), sql);
    return statement{made};
}

std::int64_t sqlite_connection::version() {
    auto const asked = prepare("PRAGMA user_version");
    run one{asked};
    if (one.step() != SQLITE_ROW) fail(last_error(), "PRAGMA user_version");
    return one.integer(0);
}

void sqlite_connection::migrate() {
    constexpr auto newest = static_cast<std::int64_t>(schema::sqlite_steps.size());
    if (version() == newest) return;
    execute("BEGIN IMMEDIATE");
    auto at = version(); // again: another connection may have done it
    if (at > newest) fail(SQLITE_SCHEMA, "the file was made by a newer gateway");
    for (; at < newest; ++at) {
        execute(schema::sqlite_steps[static_cast<std::size_t>(at)]);
        execute(("PRAGMA user_version = " + std::to_string(at + 1)).c_str());
    }
    execute("COMMIT");
}

bool sqlite_connection::reset() noexcept {
    patience_ = weir::no_deadline;
    if (!sqlite3_get_autocommit(database_.get())) run{rollback_}.step();
    return sqlite3_get_autocommit(database_.get()) != 0;
}

weir::result<std::optional<key_record>> sqlite_connection::find_key(key_digest const& key) {
    auto const digest = key.text();
    run one{find_};
    int const code = (one << digest).step();
    if (code == SQLITE_DONE) return std::optional<key_record>{};
    if (code != SQLITE_ROW) return sqlite_error(code);
    key_record found{one.text(0)};
    found.rate_limit = one.integer(1);
    found.enabled = one.integer(2) != 0;
    if (!one.is_null(3)) found.expires = std::chrono::sys_seconds{std::chrono::seconds{one.integer(3)}};
    return std::optional{std::move(found)};
}

weir::result<bool> sqlite_connection::add_key(key_digest const& key, key_record const& its) {
    auto const digest = key.text();
    run one{add_};
    one << digest << its.name << its.rate_limit << std::int64_t{its.enabled} << its.expires;
    if (int const code = one.step(); code != SQLITE_DONE) return sqlite_error(code);
    return sqlite3_changes(database_.get()) == 1;
}

weir::result<bool> sqlite_connection::revoke_key(key_digest const& key) {
    auto const digest = key.text();
    run one{revoke_};
    if (int const code = (one << digest).step(); code != SQLITE_DONE) return sqlite_error(code);
    return sqlite3_changes(database_.get()) == 1;
}

weir::result<void> sqlite_connection::insert(std::span<audit_row const> rows) {
    if (int const code = run{begin_}.step(); code != SQLITE_DONE) return sqlite_error(code);
    int code = SQLITE_DONE;
    for (auto const& row : rows) {
        run one{insert_};
        auto const at = std::chrono::duration_cast<std::chrono::microseconds>(row.at.time_since_epoch());
        one << row.id << std::int64_t{at.count()} << row.key_name << row.client << row.method << row.path << row.status
            << std::int64_t{row.took.count()} << row.request_bytes << row.response_bytes << row.request_id;
        code = one.step();
        if (code != SQLITE_DONE) break;
    }
    if (code == SQLITE_DONE) code = run{commit_}.step();
    if (code == SQLITE_DONE) return {};
    // A full disk ends the transaction by itself, other errors leave it open.
    if (!sqlite3_get_autocommit(database_.get())) run{rollback_}.step();
    return sqlite_error(code);
}

} // namespace gateway
