// tests/unit/io/sigpipe.cpp: a call that would raise SIGPIPE raises none, and what the program has arranged stays.
#include "support/sockets.hpp"

#include <weir/io/sigpipe.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <csignal>
#include <fcntl.h>
#include <unistd.h>

using namespace weir;
using namespace weir::test;

namespace {

// A write into a pipe that nobody reads.
void break_a_pipe() {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    io::fd const in{ends[1]};
    ::close(ends[0]);
    io::no_sigpipe guard;
    REQUIRE(::write(in.number(), "x", 1) == -1);
    REQUIRE(errno == EPIPE);
    guard.broken();
}

bool in_set(sigset_t const& set) { return ::sigismember(&set, SIGPIPE) == 1; }
bool is_pending() {
    sigset_t pending;
    ::sigpending(&pending);
    return in_set(pending);
}
bool is_blocked() {
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return in_set(mask);
}

} // namespace

TEST_CASE("a pipe that breaks under the guard raises no signal, whatever the thread does with signals") {
    static int raised;
    raised = 0;
    auto const before = std::signal(SIGPIPE, [](int) { ++raised; });
    bool const blocked = GENERATE(false, true);
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, SIGPIPE);
    if (blocked) ::pthread_sigmask(SIG_BLOCK, &only, nullptr);
    break_a_pipe();
    CHECK(is_blocked() == blocked);
    CHECK(!is_pending());
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
    CHECK(raised == 0);
    std::signal(SIGPIPE, before);
}

TEST_CASE("a signal that was pending before the guard is pending after it") {
    static int raised;
    raised = 0;
    auto const before = std::signal(SIGPIPE, [](int) { ++raised; });
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &only, nullptr);
    std::raise(SIGPIPE);
    REQUIRE(is_pending());
    break_a_pipe();
    CHECK(is_pending());
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
    CHECK(raised == 1);
    std::signal(SIGPIPE, before);
}
