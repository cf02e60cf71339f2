// tests/model/seam/weir/base/current.hpp: what is a thread's own belongs to a fiber in a model.
#pragma once

#include "../../../explorer.hpp"

#include <weir/base/platform.hpp>

namespace weir::inline v0 {

namespace detail {

// One more than there are threads: the host's.
inline std::size_t this_seat() noexcept {
    auto const* const running = model::explorer::running();
    return static_cast<std::size_t>(running ? running->thread() + 1 : 0);
}

template <class Service>
WEIR_NOINLINE Service*& current_slot() noexcept {
    static std::array<Service*, model::max_threads + 1> services{};
    return services[this_seat()];
}

} // namespace detail

template <class Service>
Service* current() noexcept {
    return detail::current_slot<Service>();
}

WEIR_NOINLINE inline void const* this_thread_mark() noexcept {
    static std::array<char, model::max_threads + 1> const marks{};
    return &marks[detail::this_seat()];
}

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
