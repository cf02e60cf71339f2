// bench/harness/child.hpp: a contender in a process of its own, which is asked for one run after another.
// It reads how many operations to run, a line each time, and answers with the nanoseconds that they took by its own clock
// and with a sum that shows that they were done; so the way to it does not count.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

class child {
public:
    struct answer {
        double took;
        std::uint64_t sum;
    };

    // Ends the program where the process cannot be had.
    child(char const* path, std::vector<std::string> arguments) : path_{path} {
        int there[2];
        int back[2];
        // Closed on exec, or a child made later would keep this one's input open, and it would never end.
        if (pipe2(there, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0) fail("no pipe");
        std::vector<char*> words{const_cast<char*>(path)};
        for (std::string& each : arguments) words.push_back(each.data());
        words.push_back(nullptr);
        process_ = fork();
        if (process_ == 0) {
            dup2(there[0], 0);
            dup2(back[1], 1);
            execv(path, words.data());
            _exit(127);
        }
        close(there[0]);
        close(back[1]);
        to_ = fdopen(there[1], "w");
        from_ = fdopen(back[0], "r");
        if (process_ < 0 || !to_ || !from_) fail("no process");
    }
    child(child const&) = delete;
    child& operator=(child const&) = delete;
    ~child() {
        std::fclose(to_); // the end of its input is its end
        std::fclose(from_);
        waitpid(process_, nullptr, 0);
    }

    answer run(std::uint64_t times) {
        std::fprintf(to_, "%llu\n", static_cast<unsigned long long>(times));
        std::fflush(to_);
        double took = 0;
        unsigned long long sum = 0;
        if (std::fscanf(from_, "%lf %llu", &took, &sum) != 2) fail("no answer");
        return {took, sum};
    }

private:
    [[noreturn]] void fail(char const* what) const {
        std::fprintf(stderr, "%s: %s\n", path_, what);
        std::exit(1);
    }

    char const* const path_;
    pid_t process_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
};

} // namespace bench
