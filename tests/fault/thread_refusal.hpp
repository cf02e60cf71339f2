// tests/fault/thread_refusal.hpp: pthread_create that fails when a test says so: for the library and for std::thread.
// Included by exactly one source of a program. Under a sanitizer, which has one of its own, all threads are made.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>

#include <atomic>
#include <dlfcn.h>
#include <pthread.h>

namespace weir::test {

inline std::atomic<int> threads_until_refusal{-1}; // below zero: none is refused
inline std::atomic<int> thread_refusal_error{0};

// While it lives, thread number `nth` that is asked for, counted from 0, is refused with `error`.
class thread_refusal : immovable {
public:
    thread_refusal(int nth, int error) noexcept {
        thread_refusal_error.store(error);
        threads_until_refusal.store(nth);
    }
    ~thread_refusal() { threads_until_refusal.store(-1); }
    static constexpr bool works() noexcept { return !WEIR_TSAN && !WEIR_ASAN; }
};

} // namespace weir::test

#if !WEIR_TSAN && !WEIR_ASAN

extern "C" int pthread_create(pthread_t* made, pthread_attr_t const* how, void* (*run)(void*), void* argument) noexcept {
    using function = int (*)(pthread_t*, pthread_attr_t const*, void* (*)(void*), void*);
    static auto const next = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "pthread_create"));
    if (weir::test::threads_until_refusal.load() >= 0 && weir::test::threads_until_refusal.fetch_sub(1) == 0)
        return weir::test::thread_refusal_error.load();
    return next(made, how, run, argument);
}

#endif
