// tests/support/forked.hpp: runs a piece of a test in a child process, which may be robbed of system calls, or may die.
#pragma once

#include <weir/base/assert.hpp>

#include <csignal>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::test {

// How a child ended: `words` is what it said, by its return value or on the error stream.
struct ending {
    bool well = false; // returned from `code`
    std::string words;
};

// Runs `code`, which returns a std::string, in a child that gives up after half a minute. Not while other threads run.
template <class Code>
ending run_in_child(Code const& code) {
    int ends[2];
    if (::pipe(ends) != 0) return {};
    pid_t const child = ::fork();
    if (child == 0) {
        for (int const number : {SIGABRT, SIGSEGV, SIGALRM, SIGTERM}) std::signal(number, SIG_DFL);
        ::alarm(30);
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        std::string const words = code();
        [[maybe_unused]] auto const written = ::write(ends[1], words.data(), words.size());
        ::_exit(0);
    }
    ::close(ends[1]);
    ending how;
    char piece[256];
    for (ssize_t size; (size = ::read(ends[0], piece, sizeof piece)) > 0;)
        how.words.append(piece, static_cast<std::size_t>(size));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    how.well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return how;
}

// From here on this process gets `error` for the system call `number`, as in a container whose profile forbids it.
inline void refuse_system_call(long number, int error) {
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog const program{4, rules};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        WEIR_FATAL("no filter could be set");
}

} // namespace weir::test
