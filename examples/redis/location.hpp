// examples/redis/location.hpp: where a Redis is and how to log in, as a URL says it.
//     redis://[user:password@]host[:port][/db]        redis://:password@host logs in as the default user
//     unix://[user:password@]/path/of/socket[?db=n]
// Not:      rediss://: there is no TLS here; put a tunnel in between.
#pragma once

#include <weir/base/result.hpp>

#include <string>
#include <string_view>

namespace redis {

class location {
public:
    location() = default;
    // Errors: redis_errc::bad_location; errc::unsupported for rediss://.
    static weir::result<location> parse(std::string_view url);

    // Without the password.
    std::string to_string() const;
    bool is_path() const noexcept { return !path.empty(); }
    bool logs_in() const noexcept { return !password.empty(); }

    std::string host = "127.0.0.1";
    std::string port = "6379";
    std::string path; // of a Unix socket, which counts before the host
    std::string user = "default";
    std::string password;
    unsigned database = 0;
};

} // namespace redis
