// bench/sync/contenders/go.hpp: Go's sync.Mutex, and channels with room for one as semaphore and event, in a process of
// their own that is asked for one run after another. What is measured is what that process has measured.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace bench {

class go_sync {
public:
    static constexpr auto name = "Go";
#ifdef WEIR_BENCH_GO
    explicit go_sync(shape how) : how_{how} {
        int there[2];
        int back[2];
        if (pipe(there) != 0 || pipe(back) != 0) fail("no pipe");
        child_ = fork();
        if (child_ == 0) {
            dup2(there[0], 0);
            dup2(back[1], 1);
            for (int const end : {there[0], there[1], back[0], back[1]}) close(end);
            execl(WEIR_BENCH_GO, WEIR_BENCH_GO, std::to_string(how.workers).c_str(), std::to_string(how.tasks).c_str(),
                  name_of(how.what), nullptr);
            _exit(127);
        }
        close(there[0]);
        close(back[1]);
        to_ = fdopen(there[1], "w");
        from_ = fdopen(back[0], "r");
        if (child_ < 0 || !to_ || !from_) fail("no process");
    }
    go_sync(go_sync const&) = delete;
    go_sync& operator=(go_sync const&) = delete;
    ~go_sync() {
        std::fclose(to_); // the end of its input is the child's end
        std::fclose(from_);
        waitpid(child_, nullptr, 0);
    }

    double run(std::uint64_t times) {
        std::fprintf(to_, "%llu\n", static_cast<unsigned long long>(times));
        std::fflush(to_);
        double took = 0;
        unsigned long long sum = 0;
        if (std::fscanf(from_, "%lf %llu", &took, &sum) != 2) fail("no answer");
        must_equal(sum, how_.sum(times), name);
        return took;
    }

private:
    [[noreturn]] static void fail(char const* what) {
        std::fprintf(stderr, "%s: %s\n", name, what);
        std::exit(1);
    }

    shape const how_;
    pid_t child_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
#else
    static constexpr auto absent = "no Go";
#endif
};

} // namespace bench
