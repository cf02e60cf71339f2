// examples/gateway/store/audit_row.hpp: what is kept of a request: who asked for what, and what became of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

class audit_row {
public:
    audit_row() = default;

    // 32 hexadecimal digits: the time in milliseconds, a count, and what is random for each process. So no two are alike,
    // a row that is sent twice is known again, and a table that is sorted by them grows at its end.
    static std::string next_id(std::chrono::system_clock::time_point now);

    std::string id; // given by the log when the row comes without
    std::string request_id; // what the client was told, and may have chosen itself: not always another one
    std::chrono::system_clock::time_point at;
    std::string key_name;
    std::string client; // an address
    std::string method;
    std::string path;
    std::int64_t status = 0;
    std::chrono::microseconds took{};
    std::int64_t request_bytes = 0;
    std::int64_t response_bytes = 0;
};

// `text` in UTF-8 without zero bytes: each byte that fits in nowhere becomes a question mark. What a client has sent may
// be anything, and a row must not be refused for it.
std::string storable(std::string_view text);

} // namespace gateway
