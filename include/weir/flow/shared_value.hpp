// weir/flow/shared_value.hpp: one immutable value in many hands; the last one frees it.
// Threads:  each handle as a plain value; different handles to one value from any thread.
// Not:      a std::shared_ptr: no weak handles, and what is counted may be larger than the value, such as a whole flight.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>

#include <cstddef>
#include <utility>

namespace weir::inline v0 {

namespace detail {

// What is freed by whoever lets go of it last.
class counted : immovable {
public:
    using destroy_function = void (*)(counted&) noexcept;

    void add(std::size_t hands) noexcept { hands_.fetch_add(hands, relaxed); } // the caller has one, so it is not zero
    void release() noexcept {
        if (hands_.fetch_sub(1, acq_rel) == 1) destroy_(*this); // [hands] whoever frees it sees all that others did
        // ---- it may be gone
    }

protected:
    explicit counted(destroy_function destroy) noexcept : destroy_{destroy} {}
    ~counted() = default;

private:
    atomic<std::size_t> hands_{1};
    destroy_function destroy_;
};

// One hand on something counted, let go at the end of its life.
class counted_hand {
public:
    explicit counted_hand(counted& of) noexcept : of_{&of} {} // takes over a hand that is counted already
    counted_hand(counted_hand const&) = delete;
    counted_hand& operator=(counted_hand const&) = delete;
    ~counted_hand() {
        if (of_) of_->release();
    }
    void keep() noexcept { of_ = nullptr; } // the hand is somebody else's now

private:
    counted* of_;
};

} // namespace detail

template <class Value>
class [[nodiscard]] shared_value {
public:
    shared_value() = default;
    // For authors of primitives: takes over one hand on `owner`, in which `value` lies.
    shared_value(detail::counted& owner, Value const& value) noexcept : owner_{&owner}, value_{&value} {}

    shared_value(shared_value const& other) noexcept : owner_{other.owner_}, value_{other.value_} {
        if (owner_) owner_->add(1);
    }
    shared_value(shared_value&& other) noexcept
        : owner_{std::exchange(other.owner_, nullptr)}, value_{std::exchange(other.value_, nullptr)} {}
    shared_value& operator=(shared_value other) noexcept {
        std::swap(owner_, other.owner_);
        std::swap(value_, other.value_);
        return *this;
    }
    ~shared_value() {
        if (owner_) owner_->release();
    }

    // False by default and once moved from.
    explicit operator bool() const noexcept { return value_ != nullptr; }
    // Null where there is none.
    Value const* get() const noexcept { return value_; }
    Value const& operator*() const noexcept {
        WEIR_ASSERT(value_, "the value of an empty handle was asked for");
        return *value_;
    }
    Value const* operator->() const noexcept { return &**this; }

    // Whether both are handles to the same object, not whether the values are equal.
    bool same_as(shared_value const& other) const noexcept { return value_ == other.value_; }

private:
    detail::counted* owner_ = nullptr;
    Value const* value_ = nullptr;
};

} // namespace weir
