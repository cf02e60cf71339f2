// examples/gateway/store/sqlite_connection.hpp: a connection to an SQLite file, with the gateway's statements prepared.
// Threads:  one, but for interrupt().
#pragma once

#include "audit_row.hpp"
#include "key_digest.hpp"
#include "key_record.hpp"

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/context.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <system_error>

namespace gateway {

// SQLite's extended result codes.
std::error_category const& sqlite_category() noexcept;
inline std::error_code sqlite_error(int code) noexcept { return {code, sqlite_category()}; }

class sqlite_connection : weir::immovable {
public:
    // Opens the file, and brings its tables up to date.  Errors: std::system_error.
    sqlite_connection(std::string const& path, std::int64_t max_pages);
    ~sqlite_connection() = default;

    weir::result<std::optional<key_record>> find_key(key_digest const& key);
    weir::result<bool> add_key(key_digest const& key, key_record const& its);
    weir::result<bool> revoke_key(key_digest const& key);
    weir::result<void> insert(std::span<audit_row const> rows);

    // Until when it waits for a lock that another connection holds.
    void wait_until(weir::time_point at) noexcept { patience_ = at; }
    // Ends the query that is under way.  Threads: any.
    void interrupt() noexcept { sqlite3_interrupt(database_.get()); }
    // After a use. False when it is no good any more.
    bool reset() noexcept;

private:
    struct close {
        void operator()(sqlite3* one) const noexcept { sqlite3_close(one); }
    };
    struct finalize {
        void operator()(sqlite3_stmt* one) const noexcept { sqlite3_finalize(one); }
    };
    using statement = std::unique_ptr<sqlite3_stmt, finalize>;
    class run;

    static int wait_for_lock(void* self, int tries) noexcept;
    void execute(char const* sql);
    void migrate();
    std::int64_t version();
    statement prepare(char const* sql);
    int last_error() const noexcept { return sqlite3_extended_errcode(database_.get()); }

    weir::time_point patience_ = weir::no_deadline;
    std::unique_ptr<sqlite3, close> database_;
    statement find_, add_, revoke_, insert_, begin_, commit_, rollback_;
};

} // namespace gateway
