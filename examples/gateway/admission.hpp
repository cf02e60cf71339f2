// examples/gateway/admission.hpp: how often a key may ask, and what its client is told about it.
// A bucket holds seconds: it gains one a second, up to a minute, and a request of a key that may ask n times a minute
// costs 60/n of them. So keys of different rates share one table, and who has rested may ask for a minute's worth.
// Source:   the headers are those of the OpenAI API (platform.openai.com, "Rate limits").
#pragma once

#include <http/response.hpp>
#include <weir/flow/keyed_limiter.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

// What a key's bucket said to one request.
class rate_answer {
public:
    bool allowed() const noexcept { return wait == weir::duration::zero(); }

    std::int64_t limit = 0;     // requests a minute; 0: there is no limit
    std::int64_t remaining = 0; // requests that it may make at once now
    weir::duration wait{};      // until the next one; zero when it was allowed
    weir::duration reset{};     // until the bucket is full again
};

// Threads: any, for every function.
class request_rates {
public:
    // `name` is whose bucket it is; `per_minute` its rate, 0 for none.
    rate_answer ask(std::string const& name, std::int64_t per_minute, weir::time_point now = weir::clock::now());
    // How many names have asked lately.
    std::size_t active() const noexcept { return buckets_.active(); }

private:
    static constexpr double full = 60; // seconds
    weir::keyed_limiter<std::string> buckets_{weir::rate{1, full}};
};

// Adds x-ratelimit-limit-requests, -remaining-requests and -reset-requests; a refusal gets Retry-After as well.
void tell_rate(http::response& response, rate_answer const& said);

// Whole seconds, at least one: a client that comes back earlier comes in vain.
std::string retry_after(weir::duration wait);
// "6m0s", "1.25s" or "20ms", as that API writes them.
std::string short_text(weir::duration time);

} // namespace gateway
