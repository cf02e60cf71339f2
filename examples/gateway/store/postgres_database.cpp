// examples/gateway/store/postgres_database.cpp: the gateway's queries; rows travel as arrays, so that a batch is one.
#include "postgres_database.hpp"

#include "schema.hpp"

#include <chrono>
#include <optional>

namespace gateway {

weir::task<postgres::answer> postgres_database::prepare() {
    auto const alone = co_await preparing_.lock();
    if (!alone) co_return postgres::failure{alone.error()};
    if (prepared_.load(weir::relaxed)) co_return postgres::rows{nullptr}; // who stored it was in here, too
    auto made = co_await pool_.query(schema::postgres);
    if (made) prepared_.store(true, weir::relaxed); // nothing here depends on it but the server
    co_return made;
}

template <class... Params>
weir::task<postgres::answer> postgres_database::ask(std::string sql, Params... params) {
    if (!prepared_.load(weir::relaxed)) { // the same
        auto ready = co_await prepare();
        if (!ready) co_return ready;
    }
    co_return co_await pool_.query(std::move(sql), params...);
}

weir::task<weir::result<std::optional<key_record>>> postgres_database::find_key(key_digest key) {
    auto got = co_await ask("SELECT name, rate_limit, enabled, expires FROM api_key WHERE digest = $1", key.text());
    if (!got) co_return got.error();
    if (got->empty()) co_return std::optional<key_record>{};
    key_record found{std::string{got->text(0, 0).value_or("")}};
    found.rate_limit = got->integer(0, 1).value_or(0);
    found.enabled = got->text(0, 2) == "t";
    if (auto const at = got->integer(0, 3)) found.expires = std::chrono::sys_seconds{std::chrono::seconds{*at}};
    co_return std::optional{std::move(found)};
}

weir::task<weir::result<bool>> postgres_database::add_key(key_digest key, key_record its) {
    std::optional<std::int64_t> expires;
    if (its.expires) expires = its.expires->time_since_epoch().count();
    auto got = co_await ask("INSERT INTO api_key (digest, name, rate_limit, enabled, expires) "
                            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                            key.text(), its.name, its.rate_limit, its.enabled, expires);
    if (!got) co_return got.error();
    co_return got->affected() == 1;
}

weir::task<weir::result<bool>> postgres_database::revoke_key(key_digest key) {
    auto got = co_await ask("UPDATE api_key SET enabled = false WHERE digest = $1", key.text());
    if (!got) co_return got.error();
    co_return got->affected() == 1;
}

weir::task<weir::result<void>> postgres_database::insert(std::span<audit_row const> rows) {
    auto const column = [rows](auto of) { return postgres::array_literal(rows, of); };
    auto got = co_await ask(
        "INSERT INTO audit (id, at, key_name, client, method, path, status, took, request_bytes, response_bytes, "
        "request_id) "
        "SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], "
        "$8::bigint[], $9::bigint[], $10::bigint[], $11::text[]) ON CONFLICT DO NOTHING",
        column([](audit_row const& row) -> auto& { return row.id; }),
        column([](audit_row const& row) {
            return std::chrono::duration_cast<std::chrono::microseconds>(row.at.time_since_epoch()).count();
        }),
        column([](audit_row const& row) -> auto& { return row.key_name; }),
        column([](audit_row const& row) -> auto& { return row.client; }),
        column([](audit_row const& row) -> auto& { return row.method; }),
        column([](audit_row const& row) -> auto& { return row.path; }),
        column([](audit_row const& row) { return row.status; }),
        column([](audit_row const& row) { return row.took.count(); }),
        column([](audit_row const& row) { return row.request_bytes; }),
        column([](audit_row const& row) { return row.response_bytes; }),
        column([](audit_row const& row) -> auto& { return row.request_id; }));
    if (!got) co_return got.error();
    co_return weir::result<void>{};
}

} // namespace gateway
