// tests/unit/flow/fate.hpp: how a process ends in which something is done that ends it.
#pragma once

#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::test {

enum class fate { returned, aborted, other };

// Does `deed` in a child process, whose error stream is shut.
template <class F>
fate fate_of(F deed) {
    std::fflush(nullptr); // else the child might print it a second time
    pid_t const child = fork();
    if (child == 0) {
        std::fclose(stderr);
        std::signal(SIGABRT, SIG_DFL); // the test framework would report it
        deed();
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return fate::other;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return fate::returned;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? fate::aborted : fate::other;
}

} // namespace weir::test
