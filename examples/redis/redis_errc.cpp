// examples/redis/redis_errc.cpp: the words of errors, both ways.
#include "redis_errc.hpp"

#include <utility>

namespace redis {

namespace {

class redis_category final : public std::error_category {
public:
    char const* name() const noexcept override { return "redis"; }
    std::string message(int value) const override {
        switch (static_cast<redis_errc>(value)) {
            case redis_errc::unavailable: return "Redis cannot be reached";
            case redis_errc::connection_lost: return "the connection to Redis was lost; nobody knows what was executed";
            case redis_errc::bad_reply: return "Redis has sent what is no RESP3";
            case redis_errc::unexpected_reply: return "Redis has answered with another type of value than expected";
            case redis_errc::bad_location: return "not a location of Redis: redis://[user:password@]host[:port][/db] or "
                                                  "unix://[user:password@]/path[?db=n]";
            case redis_errc::wrong_type: return "the key holds a value of another type";
            case redis_errc::not_allowed: return "Redis does not allow it to this user";
            case redis_errc::no_script: return "Redis does not know the script";
            case redis_errc::not_ready: return "Redis does not take the command at the moment";
            case redis_errc::out_of_memory: return "Redis has no memory left for it";
            case redis_errc::refused: return "Redis refuses the command";
        }
        return "unknown error of Redis " + std::to_string(value);
    }
};

constexpr std::pair<std::string_view, redis_errc> known[] = {
    {"WRONGTYPE", redis_errc::wrong_type},  {"NOAUTH", redis_errc::not_allowed},
    {"WRONGPASS", redis_errc::not_allowed}, {"NOPERM", redis_errc::not_allowed},
    {"NOSCRIPT", redis_errc::no_script},    {"LOADING", redis_errc::not_ready},
    {"BUSY", redis_errc::not_ready},        {"MASTERDOWN", redis_errc::not_ready},
    {"READONLY", redis_errc::not_ready},    {"CLUSTERDOWN", redis_errc::not_ready},
    {"TRYAGAIN", redis_errc::not_ready},    {"OOM", redis_errc::out_of_memory},
};

} // namespace

redis_errc code_of(std::string_view words) noexcept {
    auto const first = words.substr(0, words.find(' '));
    for (auto const& [word, code] : known)
        if (word == first) return code;
    return redis_errc::refused;
}

std::error_category const& category() noexcept {
    static redis_category const instance;
    return instance;
}

} // namespace redis
