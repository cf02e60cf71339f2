// examples/gateway/store/postgres_database.hpp: keys and audit in PostgreSQL, which several gateways may share.
#pragma once

#include "database.hpp"

#include <postgres/pool.hpp>
#include <weir/base/atomic.hpp>
#include <weir/sync/mutex.hpp>

#include <string>
#include <utility>

namespace gateway {

class postgres_database final : public database {
public:
    // Errors: std::invalid_argument for a URL that libpq cannot read.
    postgres_database(std::string const& url, weir::executor_ref on, postgres::pool_options options = {})
        : pool_{url, on, options} {}

    weir::task<weir::result<std::optional<key_record>>> find_key(key_digest key) override;
    weir::task<weir::result<bool>> add_key(key_digest key, key_record its) override;
    weir::task<weir::result<bool>> revoke_key(key_digest key) override;
    weir::task<weir::result<void>> insert(std::span<audit_row const> rows) override;

    bool may_recover(std::error_code error) const noexcept override { return postgres::may_recover(error); }
    weir::task<> close() override { return pool_.close(); }

    postgres::pool_figures figures() const noexcept { return pool_.figures(); }

private:
    // As pool::query, once the tables are there.
    template <class... Params>
    weir::task<postgres::answer> ask(std::string sql, Params... params);
    weir::task<postgres::answer> prepare();

    postgres::pool pool_;
    weir::mutex preparing_;
    weir::atomic<bool> prepared_{false};
};

} // namespace gateway
