// weir/base/current.hpp: the service of a kind that belongs to this thread, if any: `current<timer_wheel>()`.
// The library's thread_locals stand here, and in thread_words.hpp. Compilers have kept a thread-local's address
// across a suspension, after which the coroutine runs on another thread; so they are read through functions that are
// never inlined.
#pragma once

#include <weir/base/platform.hpp>

namespace weir::inline v0 {

namespace detail {

template <class Service>
WEIR_NOINLINE Service*& current_slot() noexcept {
    WEIR_OPAQUE(); // no caller may take two calls for one
    static thread_local constinit Service* service = nullptr;
    return service;
}

} // namespace detail

// Null where nobody installed one.  Cost: a call and a load.
template <class Service>
Service* current() noexcept {
    return detail::current_slot<Service>();
}

// Tells threads apart, by an address that is no other living thread's.  Cost: a call.
WEIR_NOINLINE inline void const* this_thread_mark() noexcept {
    WEIR_OPAQUE(); // as above: std::this_thread::get_id is folded across suspensions
    static thread_local constinit char const mark = 0;
    return &mark;
}

// Installs `service` on this thread until the end of the scope, then the one before.
// Not:      for a coroutine's scope, which may end on another thread.
template <class Service>
class current_guard {
public:
    explicit current_guard(Service* service) noexcept : before_{detail::current_slot<Service>()} {
        detail::current_slot<Service>() = service;
    }
    current_guard(current_guard const&) = delete;
    current_guard& operator=(current_guard const&) = delete;
    ~current_guard() { detail::current_slot<Service>() = before_; }

private:
    Service* before_;
};

} // namespace weir
