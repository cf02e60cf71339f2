// examples/gateway/store/database.hpp: where keys and audit rows are kept, whichever database that is.
//     auto const store = gateway::open_database("postgresql://gateway@db/gateway", runtime.get_executor());
// Not:      a cache, nor patient: key_store keeps what was found, audit_log tries again.
#pragma once

#include "audit_row.hpp"
#include "key_digest.hpp"
#include "key_record.hpp"

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/task.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>

namespace gateway {

// Threads: any, for every function, once a runtime runs.
// Cancel:  a stop and a deadline end a query that is under way; what it changes is then done whole, or not at all.
class database : weir::immovable {
public:
    virtual ~database() = default;

    // Returns: the record; nothing where there is no such key.
    virtual weir::task<weir::result<std::optional<key_record>>> find_key(key_digest key) = 0;
    // Returns: false where the key is there already; then nothing was changed.
    virtual weir::task<weir::result<bool>> add_key(key_digest key, key_record its) = 0;
    // Disables a key, and keeps its record.  Returns: false where there is none.
    virtual weir::task<weir::result<bool>> revoke_key(key_digest key) = 0;
    // All rows or none. A row whose id is there already is left as it is, so the same rows may be sent again by who does
    // not know what became of them.
    virtual weir::task<weir::result<void>> insert(std::span<audit_row const> rows) = 0;

    // Whether what failed so may well succeed later: the database is away, full, or busy.
    virtual bool may_recover(std::error_code error) const noexcept = 0;
    // To be awaited once, at the end, when nobody uses it.
    virtual weir::task<> close() = 0;
};

// "postgresql://..." or "postgres://...": PostgreSQL; anything else is the path of an SQLite file, which is made where it
// is missing. Neither is touched before the first use.  Needs: `where` is a runtime's.
// Errors: std::invalid_argument: a URL that makes no sense, or this program was built without the client.
std::unique_ptr<database> open_database(std::string const& where, weir::executor_ref on);

} // namespace gateway
