// examples/gateway/actions/verdict.hpp: what the actions say about a request.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gateway {

struct header {
    std::string name; // in lower case
    std::string value;
};

class verdict {
public:
    verdict() {}
    // A refusal.
    verdict(int with_status, std::string with_code, std::string with_message)
        : status{with_status}, code{std::move(with_code)}, message{std::move(with_message)} {}

    bool allowed() const noexcept { return status == 0; }

    // Of a refusal, for the client to read. A status of 0 is none.
    int status = 0;
    std::string code;
    std::string message;
    // Each name once. What a client sent under the same name counts no more, so that it can pretend nothing.
    std::vector<header> request_headers;
    // Each name once. They belong to a refusal as well.
    std::vector<header> response_headers;
};

// Sets `name` to `value`, in place of what it was.
inline void set(std::vector<header>& headers, std::string name, std::string value) {
    for (auto& each : headers)
        if (each.name == name) {
            each.value = std::move(value);
            return;
        }
    headers.push_back({std::move(name), std::move(value)});
}

} // namespace gateway
