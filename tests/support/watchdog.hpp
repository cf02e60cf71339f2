// tests/support/watchdog.hpp: ends a program that hangs, so that a lost wake-up is a failure and not a wait.
#pragma once

#include <csignal>
#include <cstdlib>
#include <sys/time.h>
#include <unistd.h>

namespace weir::test {

// One at a time. It uses SIGALRM rather than a thread, so that tests may count threads.
class watchdog {
public:
    explicit watchdog(unsigned seconds) noexcept {
        std::signal(SIGALRM, [](int) {
            static char const words[] = "a test hangs: what it waits for does not come\n";
            [[maybe_unused]] auto const written = ::write(STDERR_FILENO, words, sizeof words - 1);
            std::signal(SIGABRT, SIG_DFL);
            std::abort();
        });
        set(seconds);
    }
    watchdog(watchdog const&) = delete;
    watchdog& operator=(watchdog const&) = delete;
    ~watchdog() {
        set(0);
        std::signal(SIGALRM, SIG_DFL);
    }

private:
    static void set(unsigned seconds) noexcept {
        itimerval when{};
        when.it_value.tv_sec = static_cast<time_t>(seconds);
        ::setitimer(ITIMER_REAL, &when, nullptr);
    }
};

} // namespace weir::test
