// examples/gateway/reload.cpp: one reloader after the other, and what each of them says.
#include "reload.hpp"

#include <http/service_manager.hpp>
#include <weir/runtime/blocking.hpp>

#include <exception>
#include <time.h>

namespace gateway {

namespace {

// The manager takes the time by its own clock, to tell this reload from an earlier one.
void tell_reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    auto const micros = std::to_string(static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000);
    http::tell_manager("RELOADING=1\nMONOTONIC_USEC=" + micros);
}

} // namespace

weir::task<std::string> reload::attempt(reloader const& one) {
    std::string wrong;
    try {
        if (one.waits) {
            wrong = co_await one.waits();
        } else {
            auto const call = [](std::function<void()> const* again) { (*again)(); };
            auto const done = co_await weir::blocking(call, &one.blocks);
            if (!done) wrong = done.error().message();
        }
    } catch (std::exception const& error) {
        wrong = error.what();
        if (wrong.empty()) wrong = "it does not say why";
    }
    co_return wrong;
}

weir::task<std::size_t> reload::run() {
    std::size_t failed = 0;
    for (auto const& each : all_) {
        auto const wrong = co_await attempt(each);
        if (wrong.empty()) {
            log_.say(log_level::info, "reloaded", {{"what", each.name}});
        } else {
            log_.say(log_level::error, "not reloaded", {{"what", each.name}, {"error", wrong}});
            ++failed;
        }
    }
    co_return failed;
}

weir::task<> reload::watch(weir::io::signal_set& hangups) {
    for (;;) {
        auto const number = co_await hangups.next();
        if (!number) co_return;
        tell_reloading();
        static_cast<void>(co_await run());
        http::tell_manager("READY=1");
    }
}

} // namespace gateway
