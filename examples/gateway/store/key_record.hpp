// examples/gateway/store/key_record.hpp: what is known of an API key.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace gateway {

class key_record {
public:
    key_record() = default;
    explicit key_record(std::string its_name) : name{std::move(its_name)} {}

    // Whether it opens the door at `now`.
    bool good_at(std::chrono::system_clock::time_point now) const noexcept {
        return enabled && (!expires || now < *expires);
    }
    bool operator==(key_record const&) const = default;

    std::string name;             // for people and for the audit
    std::int64_t rate_limit = 0;  // requests a minute; 0: the gateway's own
    bool enabled = true;
    std::optional<std::chrono::sys_seconds> expires;
};

} // namespace gateway
