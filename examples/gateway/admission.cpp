// examples/gateway/admission.cpp: seconds for requests, and their headers.
#include "admission.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace gateway {

using std::chrono::ceil;
using std::chrono::milliseconds;
using std::chrono::seconds;

rate_answer request_rates::ask(std::string const& name, std::int64_t per_minute, weir::time_point now) {
    rate_answer said;
    if (per_minute <= 0) return said;
    auto const cost = full / static_cast<double>(per_minute);
    said.limit = per_minute;
    said.wait = buckets_.try_acquire(name, cost, now);
    // One request is missing from the bucket, taken just now or not there, so that it is not full at `now`, and nobody
    // can fill it at that time: this asks without taking.
    said.reset = buckets_.try_acquire(name, full, now);
    auto const left = full - std::chrono::duration<double>{said.reset}.count();
    said.remaining = std::max<std::int64_t>(0, static_cast<std::int64_t>(left / cost + 1e-6));
    return said;
}

void tell_rate(http::response& response, rate_answer const& said) {
    if (said.limit == 0) return;
    auto const add = [&](char const* name, std::string const& value) {
        static_cast<void>(response.add_header(name, value)); // digits and letters, always valid
    };
    add("x-ratelimit-limit-requests", std::to_string(said.limit));
    add("x-ratelimit-remaining-requests", std::to_string(said.remaining));
    add("x-ratelimit-reset-requests", short_text(said.reset));
    if (!said.allowed()) add("Retry-After", retry_after(said.wait));
}

std::string retry_after(weir::duration wait) {
    return std::to_string(std::max<std::int64_t>(1, ceil<seconds>(wait).count()));
}

std::string short_text(weir::duration time) {
    auto const all = ceil<milliseconds>(time).count();
    if (all < 1000) return std::to_string(all) + "ms";
    std::string text;
    if (all >= 60'000) text = std::to_string(all / 60'000) + 'm';
    text += std::to_string(all % 60'000 / 1000);
    if (auto const rest = all % 1000; rest > 0) {
        auto decimals = std::to_string(1000 + rest).substr(1);
        decimals.erase(decimals.find_last_not_of('0') + 1);
        text += '.' + decimals;
    }
    return text + 's';
}

} // namespace gateway
