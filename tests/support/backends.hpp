// tests/support/backends.hpp: a runtime on each backend in turn, so that a test of an operation is written once.
#pragma once

#include "support/watchdog.hpp"

#include <weir/coro/scope.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <string>
#include <utility>

namespace weir::test {

// Seconds after which a test hangs rather than works.
inline constexpr unsigned patience = 50;

// Repeats the test case for each backend. One that this machine refuses is skipped, and the report says why.
class backend_runtime {
public:
    explicit backend_runtime(unsigned workers = 1, unsigned ring_entries = 256)
        : choice_{GENERATE(io::backend_choice::io_uring, io::backend_choice::epoll)},
          message_{Catch::MessageBuilder("INFO"_catch_sr, CATCH_INTERNAL_LINEINFO, Catch::ResultWas::Info) << name()},
          runs_{with(choice_, workers, ring_entries)} {
        if (!runs_.backend_refusal().empty()) SKIP("io_uring is refused here: " << runs_.backend_refusal());
    }

    static runtime_options with(io::backend_choice choice, unsigned workers, unsigned ring_entries = 256) {
        runtime_options options;
        options.backend = choice;
        options.workers = workers;
        options.ring_entries = ring_entries;
        return options;
    }

    bool on_epoll() const noexcept { return choice_ == io::backend_choice::epoll; }
    io::backend_choice choice() const noexcept { return choice_; }
    std::string name() const { return on_epoll() ? "on epoll" : "on io_uring"; }
    runtime& operator*() noexcept { return runs_; }
    runtime* operator->() noexcept { return &runs_; }

    // Runs fn(scope&, args...) on the workers and joins its children. Assertions inside are safe with one worker, whose
    // thread is the only one that runs meanwhile.
    template <class F, class... Args>
    auto run(F fn, Args... args) {
        return runs_.block_on(
            [](F f, Args... rest) { return in_scope(std::move(f), std::move(rest)...); }, std::move(fn), std::move(args)...);
    }

private:
    io::backend_choice const choice_;
    watchdog const watched_{patience};
    Catch::ScopedMessage message_;
    runtime runs_;
};

} // namespace weir::test
