// weir/runtime/hook.hpp: what a user wants to be called at an occasion: a shared, copyable callable, or nothing.
// Not:      std::function, whose header costs every user of the library compile time.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// Copies share the callable.  Threads: as the callable; it may be called by several at once.
template <class... Args>
class hook {
public:
    hook() = default;
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, hook> && std::invocable<std::decay_t<F>&, Args...>)
    hook(F&& what)
        : target_{std::make_shared<std::decay_t<F>>(std::forward<F>(what))},
          call_{[](void* target, Args... args) { (*static_cast<std::decay_t<F>*>(target))(args...); }} {}

    explicit operator bool() const noexcept { return call_ != nullptr; }
    // Does nothing when empty.
    void operator()(Args... args) const {
        if (call_) call_(target_.get(), args...);
    }

private:
    std::shared_ptr<void> target_;
    void (*call_)(void*, Args...) = nullptr;
};

} // namespace weir
