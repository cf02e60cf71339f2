// weir/runtime/quiet_thread.hpp: a thread of the library's own, which no signal of the process interrupts.
// Signals that say what the thread itself has done wrong are let through, and so is SIGPROF, by which profilers ask.
// For:      authors of primitives.
// Not:      std::thread, whose stack has one size and which cannot say why it did not start but by an exception.
#pragma once

#include <weir/base/platform.hpp>
#include <weir/base/result.hpp>

#include <csignal>
#include <cstddef>
#include <pthread.h>
#include <string>
#include <string_view>
#include <system_error>

#if WEIR_LINUX
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace weir::inline v0 {

// Starts `run(argument)`.  Needs: the thread to be joined or detached.
// Returns: the thread, or what the system said: EAGAIN for too many threads, EINVAL for a stack that is too small.
// `stack` is in bytes; 0: what the system gives.
inline result<pthread_t> start_quiet_thread(void* (*run)(void*), void* argument, std::size_t stack = 0) noexcept {
    pthread_attr_t how;
    if (int const error = ::pthread_attr_init(&how)) return system_error_code(error);
    int error = stack == 0 ? 0 : ::pthread_attr_setstacksize(&how, stack);
    pthread_t made{};
    if (error == 0) {
        sigset_t blocked, before;
        ::sigfillset(&blocked);
        for (int const own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF})
            ::sigdelset(&blocked, own);
        ::pthread_sigmask(SIG_BLOCK, &blocked, &before); // a new thread inherits the mask of who starts it
        error = ::pthread_create(&made, &how, run, argument);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    ::pthread_attr_destroy(&how);
    if (error != 0) return system_error_code(error);
    return made;
}

// The kernel's number of the calling thread; -1 where it has none.
inline int this_thread_number() noexcept {
#if WEIR_LINUX
    return static_cast<int>(::syscall(SYS_gettid));
#else
    return -1;
#endif
}

// Gives the calling thread a name, of which the system keeps the first 15 bytes.
inline void name_this_thread(std::string_view name) noexcept {
    char kept[16] = {};
    name.substr(0, sizeof kept - 1).copy(kept, sizeof kept - 1);
    ::pthread_setname_np(::pthread_self(), kept);
}

} // namespace weir
