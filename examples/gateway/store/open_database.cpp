// examples/gateway/store/open_database.cpp: which database a text means.
#include "database.hpp"
#include "sqlite_database.hpp"

// There where CMake has found libpq.
#if __has_include(<libpq-fe.h>)
#include "postgres_database.hpp"
#endif

#include <stdexcept>
#include <string_view>

namespace gateway {

std::unique_ptr<database> open_database(std::string const& where, [[maybe_unused]] weir::executor_ref on) {
    std::string_view const text = where;
    if (text.starts_with("postgresql://") || text.starts_with("postgres://")) {
#if __has_include(<libpq-fe.h>)
        return std::make_unique<postgres_database>(where, on);
#else
        throw std::invalid_argument("this gateway was built without libpq, and so without PostgreSQL");
#endif
    }
    if (text.empty() || text.find("://") != std::string_view::npos)
        throw std::invalid_argument("a database is postgresql://..., or the path of a file");
    return std::make_unique<sqlite_database>(where);
}

} // namespace gateway
