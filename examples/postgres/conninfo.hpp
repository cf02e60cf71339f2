// examples/postgres/conninfo.hpp: where the server is and how to log in, in libpq's words, made fit for a thread that may
// not block: names of hosts are looked up by weir's resolver, and libpq is given addresses.
// Not:      everything: libpq reads its password and service files itself, and Kerberos, which would block, is turned off
//           unless `gssencmode` is given.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/net/resolve.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postgres {

class conninfo {
public:
    // "postgresql://user@host:port/name?key=value" or "host=... dbname=...".
    // Errors: std::invalid_argument with libpq's words.
    explicit conninfo(std::string const& text);

    // Empty where it is not given.
    std::string_view get(std::string_view key) const noexcept;
    void set(std::string_view key, std::string value);
    void set_default(std::string_view key, std::string value) {
        if (get(key).empty()) set(key, std::move(value));
    }

    // The same with an address for each name.  Errors: those of the resolver.
    weir::task<weir::result<conninfo>> resolved(weir::net::resolver& names) const;

    // As PQconnectStartParams takes them; good for as long as this.
    std::vector<char const*> keywords() const;
    std::vector<char const*> values() const;

private:
    std::vector<std::pair<std::string, std::string>> settings_;
};

} // namespace postgres
