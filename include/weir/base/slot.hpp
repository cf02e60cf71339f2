// weir/base/slot.hpp: storage for one T whose life begins and ends by hand.
// Not:      aware of whether it holds a value; its owner knows.
#pragma once

#include <memory>
#include <new>
#include <utility>

namespace weir::inline v0 {

template <class T>
class slot {
public:
    slot() noexcept {}
    slot(slot const&) = delete;
    slot& operator=(slot const&) = delete;
    ~slot() {}

    template <class... Args>
    T& construct(Args&&... args) noexcept(noexcept(T(std::forward<Args>(args)...))) {
        return *::new (static_cast<void*>(std::addressof(value_))) T(std::forward<Args>(args)...);
    }
    void destroy() noexcept { value_.~T(); }

    // Moves the value out and ends its life.
    T take() noexcept(noexcept(T(std::declval<T>()))) {
        struct ender {
            slot& of;
            ~ender() { of.destroy(); }
        } const end{*this};
        return T(std::move(value_));
    }

    T& value() noexcept { return value_; }
    T const& value() const noexcept { return value_; }

private:
    union {
        T value_;
    };
};

} // namespace weir
