// weir/channel/channel_waits.hpp: the four waits at a channel: to send, to reserve, to receive one value or many.
// For:      authors of primitives.
#pragma once

#include <weir/base/result.hpp>
#include <weir/channel/channel_core.hpp>
#include <weir/channel/deferred_wait.hpp>
#include <weir/channel/guarded_wait.hpp>
#include <weir/channel/place.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace weir::inline v0::detail {

// For room: to send a value that lies with the attempt, or to reserve.
template <class T>
class room_wait : public guarded_wait<room_wait<T>, typename channel_core<T>::sender> {
    using core = channel_core<T>;
    using base = guarded_wait<room_wait<T>, typename core::sender>;

public:
    room_wait(core& of, T* value) noexcept : base{of.lock(), of.senders(), value}, core_{of} {}
    result<void> await_resume() noexcept {
        auto const waited = this->finish();
        if (waited && this->refused()) return errc::closed;
        return waited;
    }

private:
    friend base;
    bool settle(wake_list& woken) noexcept { return core_.enter(*this, woken); }
    core& core_;
};

// For one value, and how many more there are.
template <class T>
class value_wait : public guarded_wait<value_wait<T>, typename channel_core<T>::receiver> {
    using core = channel_core<T>;
    using base = guarded_wait<value_wait<T>, typename core::receiver>;

public:
    explicit value_wait(core& of) noexcept : base{of.lock(), of.receivers()}, core_{of} {}
    result<T> await_resume() noexcept {
        auto const waited = this->finish();
        if (this->value) return *std::move(this->value);
        if (!waited) return waited.error();
        return errc::closed;
    }

private:
    friend base;
    bool settle(wake_list& woken) noexcept { return core_.receive(*this, woken); }
    core& core_;
};

template <class T>
class send_attempt {
public:
    send_attempt(channel_core<T>& to, T&& value) noexcept : to_{to}, value_{std::move(value)} {}
    bool attempt() noexcept { return to_.try_send(std::move(value_)); }
    void prepare(std::optional<room_wait<T>>& wait) noexcept { wait.emplace(to_, &value_); }
    result<void> conclude() noexcept { return {}; }
    result<void> conclude(room_wait<T>& wait) noexcept { return wait.await_resume(); }

private:
    channel_core<T>& to_;
    T value_;
};

template <class T>
class reserve_attempt {
public:
    explicit reserve_attempt(channel_core<T>& in) noexcept : in_{in} {}
    bool attempt() noexcept { return in_.try_reserve(); }
    void prepare(std::optional<room_wait<T>>& wait) noexcept { wait.emplace(in_, nullptr); }
    result<channel_place<T>> conclude() noexcept { return channel_place<T>{in_}; }
    result<channel_place<T>> conclude(room_wait<T>& wait) noexcept {
        auto const waited = wait.await_resume();
        if (!waited) return waited.error();
        return conclude();
    }

private:
    channel_core<T>& in_;
};

template <class T>
class recv_attempt {
public:
    explicit recv_attempt(channel_core<T>& from) noexcept : from_{from} {}
    bool attempt() noexcept { return from_.try_recv(value_); }
    void prepare(std::optional<value_wait<T>>& wait) noexcept { wait.emplace(from_); }
    result<T> conclude() noexcept { return *std::move(value_); }
    result<T> conclude(value_wait<T>& wait) noexcept { return wait.await_resume(); }

private:
    channel_core<T>& from_;
    std::optional<T> value_;
};

template <class T>
class recv_many_attempt {
public:
    recv_many_attempt(channel_core<T>& from, std::span<T> out) noexcept : from_{from}, out_{out} {}
    bool attempt() noexcept { return (taken_ = from_.try_recv(out_)) > 0; }
    void prepare(std::optional<value_wait<T>>& wait) noexcept { wait.emplace(from_); }
    result<std::size_t> conclude() noexcept { return taken_; }
    result<std::size_t> conclude(value_wait<T>& wait) noexcept {
        auto first = wait.await_resume();
        if (!first) return first.error();
        out_.front() = *std::move(first);
        return 1 + from_.try_recv(out_.subspan(1)); // more may have come since
    }

private:
    channel_core<T>& from_;
    std::span<T> const out_;
    std::size_t taken_ = 0;
};

} // namespace weir::detail
