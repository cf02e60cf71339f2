// tests/support/backends.hpp: a runtime on each backend in turn, so that a test of an operation is written once.
#pragma once

#include "support/watchdog.hpp"

#include <weir/coro/scope.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <iterator>
#include <string>
#include <utility>

namespace weir::test {

// Seconds after which a test hangs rather than works.
inline constexpr unsigned patience = 50;

// What a test runs on. Lesser kernels stand between the two: one that has nothing which came after Linux 5.11, and one
// that has no operation but the poll. What lacks a single feature is tried in tests/unit/io/kernel_features.cpp.
inline constexpr char const* backend_names[] = {
    "io_uring",
    "epoll",
    ("io_uring-submit_all-coop_taskrun-defer_taskrun-multishot_accept-multishot_recv-provided_buffers-poll_first-"
     "send_zc"),
    "io_uring-operations",
};

// Repeats the test case for io_uring and epoll as they are: for what stands on operations that are tested on all four.
inline char const* whole_backend() { return GENERATE(Catch::Generators::as<char const*>{}, "io_uring", "epoll"); }

// Repeats the test case for each backend. One that this machine refuses is skipped, and the report says why.
class backend_runtime {
public:
    explicit backend_runtime(unsigned workers = 1, unsigned ring_entries = 256)
        : backend_runtime(GENERATE(from_range(std::begin(backend_names), std::end(backend_names))), workers,
                          ring_entries) {}

    // On that one only.
    explicit backend_runtime(char const* name, unsigned workers = 1, unsigned ring_entries = 256)
        : name_{name}, choice_{io::parse_backend(name).value()},
          message_{Catch::MessageBuilder("INFO"_catch_sr, CATCH_INTERNAL_LINEINFO, Catch::ResultWas::Info) << "on " + name_},
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

    // On epoll, or on a kernel that only tells when something may be tried, which comes to the same.
    bool on_epoll() const noexcept {
        return choice_ == io::backend_choice::epoll || !choice_.features().has_operation(IORING_OP_ACCEPT);
    }
    io::backend_choice choice() const noexcept { return choice_; }
    std::string name() const { return "on " + name_; }
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
    std::string const name_;
    io::backend_choice const choice_;
    watchdog const watched_{patience};
    Catch::ScopedMessage message_;
    runtime runs_;
};

} // namespace weir::test
