// weir/channel/oneshot.hpp: one value from a sender to a receiver, neither of which knows how long the other lives.
//     auto [reply, answer] = oneshot<int>();
// Both halves are handles that may be moved anywhere. Each learns when the other is gone.
// Not:      for where the structure of the program keeps one side alive: a task's own result costs less.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/result.hpp>
#include <weir/channel/guarded_wait.hpp>
#include <weir/coro/operation.hpp>
#include <weir/memory/frame_pool.hpp>

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

template <class T>
class oneshot_sender;
template <class T>
class oneshot_receiver;

// Errors: std::bad_alloc; the end of the program without exceptions.
// Cost:   one allocation, out of the thread's frame pool.
template <class T>
std::pair<oneshot_sender<T>, oneshot_receiver<T>> oneshot();

namespace detail {

// What the two halves share.
template <class T>
class oneshot_state : immovable {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "a value whose move throws would be lost between two tasks");

public:
    class recv_wait;
    class closed_wait;

    static void* operator new(std::size_t bytes) { return frame_pool::allocate(bytes); }
    static void operator delete(void* memory, std::size_t bytes) noexcept { frame_pool::deallocate(memory, bytes); }

    bool send(T&& value) noexcept; // leaves, too, when it is true
    std::optional<T> try_recv() noexcept;
    void close() noexcept; // by the receiver
    bool closed() noexcept {
        spin_guard const locked{lock_};
        return closed_;
    }
    void leave_sender() noexcept;
    void leave_receiver() noexcept;

private:
    // O1: the value is there from the send until it is received; a send succeeds once at most, and while not closed_.
    // O2: the receiver waits only while there is no value and the sender lives; the sender only while not closed_.
    // O3: the half that finds the other gone frees the state; the other touched it last when it released the lock.
    spin_lock lock_;
    bool closed_ = false; // by the receiver, or because it is gone
    bool sender_gone_ = false;
    bool receiver_gone_ = false;
    std::optional<T> value_;
    intrusive_list<waiter> receiver_; // at most one each
    intrusive_list<waiter> sender_;
};

template <class T>
class oneshot_state<T>::recv_wait : public guarded_wait<recv_wait> {
    using base = guarded_wait<recv_wait>;

public:
    explicit recv_wait(oneshot_state& of) noexcept : base{of.lock_, of.receiver_}, of_{of} {}
    result<T> await_resume() noexcept {
        auto const waited = this->finish();
        if (!waited) return waited.error();
        if (auto value = of_.try_recv()) return *std::move(value);
        return errc::closed;
    }

private:
    friend base;
    bool settle(wake_list&) noexcept {
        WEIR_ASSERT(of_.receiver_.empty(), "a oneshot is received twice at once");
        return of_.value_.has_value() || of_.sender_gone_ || of_.closed_;
    }
    oneshot_state& of_;
};

template <class T>
class oneshot_state<T>::closed_wait : public guarded_wait<closed_wait> {
    using base = guarded_wait<closed_wait>;

public:
    explicit closed_wait(oneshot_state& of) noexcept : base{of.lock_, of.sender_}, of_{of} {}
    result<void> await_resume() noexcept { return this->finish(); }

private:
    friend base;
    bool settle(wake_list&) noexcept { return of_.closed_; }
    oneshot_state& of_;
};

} // namespace detail

template <class T>
class [[nodiscard]] oneshot_sender {
    using state = detail::oneshot_state<T>;

public:
    oneshot_sender() = default;
    oneshot_sender(oneshot_sender&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
    oneshot_sender& operator=(oneshot_sender&& other) noexcept {
        oneshot_sender gone{std::move(*this)};
        state_ = std::exchange(other.state_, nullptr);
        return *this;
    }
    // Without a send the receiver gets errc::closed.
    ~oneshot_sender() {
        if (state_) state_->leave_sender();
    }

    explicit operator bool() const noexcept { return state_ != nullptr; }

    // Uses the sender up, unless nobody listens: then false, and `value` is untouched.
    // True says that the receiver may take it, not that it will.  Needs: a sender.  Resumes nobody inside the call.
    [[nodiscard]] bool send(T&& value) noexcept {
        WEIR_ASSERT(state_, "a oneshot was sent twice");
        if (!state_->send(std::move(value))) return false;
        state_ = nullptr;
        return true;
    }

    // Whether nobody listens any more.
    bool is_closed() const noexcept { return !state_ || state_->closed(); }
    // Waits until nobody listens, so that work for nobody can end.  Needs: a sender, which stays where it is meanwhile.
    // Returns: result<void>.  Cancel: nothing has happened.
    operation<typename state::closed_wait, state&> closed() noexcept {
        WEIR_ASSERT(state_, "a oneshot's sender was used up");
        return operation<typename state::closed_wait, state&>{*state_};
    }

private:
    friend std::pair<oneshot_sender<T>, oneshot_receiver<T>> oneshot<T>();
    explicit oneshot_sender(state& of) noexcept : state_{&of} {}
    state* state_ = nullptr;
};

template <class T>
class [[nodiscard]] oneshot_receiver {
    using state = detail::oneshot_state<T>;

public:
    oneshot_receiver() = default;
    oneshot_receiver(oneshot_receiver&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
    oneshot_receiver& operator=(oneshot_receiver&& other) noexcept {
        oneshot_receiver gone{std::move(*this)};
        state_ = std::exchange(other.state_, nullptr);
        return *this;
    }
    // Tells the sender that nobody listens; a value that was sent is dropped.
    ~oneshot_receiver() {
        if (state_) state_->leave_receiver();
    }

    explicit operator bool() const noexcept { return state_ != nullptr; }

    // Returns: result<T>.  Errors: errc::closed when nothing was sent and the sender is gone, or `close` came first; and
    //          once the value was received.  Needs: a receiver; one wait at a time.
    // Cancel:  the value, if there is one, stays for a later recv.
    operation<typename state::recv_wait, state&> recv() noexcept {
        WEIR_ASSERT(state_, "a oneshot's receiver was moved away");
        return operation<typename state::recv_wait, state&>{*state_};
    }
    // Nothing while there is no value.
    std::optional<T> try_recv() noexcept { return state_ ? state_->try_recv() : std::nullopt; }
    // From now on a send fails; what was sent before can still be received. Resumes nobody inside the call.
    void close() noexcept {
        if (state_) state_->close();
    }

private:
    friend std::pair<oneshot_sender<T>, oneshot_receiver<T>> oneshot<T>();
    explicit oneshot_receiver(state& of) noexcept : state_{&of} {}
    state* state_ = nullptr;
};

template <class T>
std::pair<oneshot_sender<T>, oneshot_receiver<T>> oneshot() {
    auto& state = *new detail::oneshot_state<T>;
    return {oneshot_sender<T>{state}, oneshot_receiver<T>{state}};
}

namespace detail {

template <class T>
bool oneshot_state<T>::send(T&& value) noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        if (closed_) return false; // keeps O1
        value_.emplace(std::move(value));
        WEIR_ASSERT(sender_.empty(), "a oneshot's sender was used up while it waits");
        sender_gone_ = true;
        claim_all(receiver_, woken); // keeps O2
    }
    // ---- the state may be gone: the receiver, which was there, is the last
    woken.wake_all();
    return true;
}

template <class T>
std::optional<T> oneshot_state<T>::try_recv() noexcept {
    spin_guard const locked{lock_};
    return std::exchange(value_, std::nullopt); // keeps O1
}

template <class T>
void oneshot_state<T>::close() noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        closed_ = true;
        claim_all(sender_, woken); // keeps O2
    }
    woken.wake_all();
}

template <class T>
void oneshot_state<T>::leave_sender() noexcept {
    wake_list woken;
    bool last = false;
    {
        spin_guard const locked{lock_};
        WEIR_ASSERT(sender_.empty(), "a oneshot's sender died while it waits");
        sender_gone_ = true;
        claim_all(receiver_, woken); // keeps O2
        last = receiver_gone_;
    }
    // ---- the state may be gone, unless the receiver was first
    if (last) delete this; // keeps O3
    woken.wake_all();
}

template <class T>
void oneshot_state<T>::leave_receiver() noexcept {
    wake_list woken;
    std::optional<T> unwanted; // ends after the lock
    bool last = false;
    {
        spin_guard const locked{lock_};
        WEIR_ASSERT(receiver_.empty(), "a oneshot's receiver died while it waits");
        closed_ = receiver_gone_ = true;
        if (value_) unwanted.emplace(std::move(*value_));
        value_.reset();
        claim_all(sender_, woken); // keeps O2
        last = sender_gone_;
    }
    // ---- the state may be gone, unless the sender was first
    if (last) delete this; // keeps O3
    woken.wake_all();
}

} // namespace detail

} // namespace weir
