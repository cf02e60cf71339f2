// tests/unit/base/dies.hpp: whether a piece of code ends the program, and with what words.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

// How a child process that ran the code ended.
struct death {
    bool aborted;
    std::string words; // what it wrote to the error stream
};

// Runs `code` in a child. Not for use while other threads run.
template <class Code>
death dies(Code const& code) {
    int ends[2];
    if (::pipe(ends) != 0) return {false, "no pipe"};
    pid_t const child = ::fork();
    if (child == 0) {
        // The test framework and the sanitizers would report the abort as their own.
        for (int const number : {SIGABRT, SIGSEGV}) std::signal(number, SIG_DFL);
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        code();
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string words;
    char piece[256];
    for (ssize_t size; (size = ::read(ends[0], piece, sizeof piece)) > 0;)
        words.append(piece, static_cast<std::size_t>(size));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    return {WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, words};
}
