// weir/channel/place.hpp: room for one value in a channel, held until it is used or given back.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/channel/channel_core.hpp>

#include <utility>

namespace weir::inline v0 {

template <class T>
class channel;

namespace detail {
template <class T>
class reserve_attempt;
}

// Given back at the end of its life, when nothing was sent.  Needs: the channel outlives it.
template <class T>
class [[nodiscard]] channel_place {
public:
    channel_place() = default;
    channel_place(channel_place&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
    channel_place& operator=(channel_place&& other) noexcept {
        channel_place gone{std::move(*this)};
        of_ = std::exchange(other.of_, nullptr);
        return *this;
    }
    ~channel_place() {
        if (of_) of_->drop_place();
    }

    explicit operator bool() const noexcept { return of_ != nullptr; }
    // Uses the place up, also when the channel was closed meanwhile.  Needs: a place.  Resumes nobody inside the call.
    void send(T value) noexcept {
        WEIR_ASSERT(of_, "a place was used twice");
        std::exchange(of_, nullptr)->use_place(std::move(value));
    }

private:
    friend channel<T>;
    friend detail::reserve_attempt<T>;
    explicit channel_place(detail::channel_core<T>& of) noexcept : of_{&of} {}

    detail::channel_core<T>* of_ = nullptr;
};

} // namespace weir
