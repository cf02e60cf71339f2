// weir/coro/stop.hpp: a request to end early, with its reason, heard by whoever waits.
// Unlike std::stop_source it allocates nothing: the source lies in the frame of who may ask, the listeners in the frames
// of who may be asked, and the structure of the program keeps the first alive longer than the second.
// Threads: every function may be called from any thread.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/current.hpp>
#include <weir/base/errc.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// One who hears of a stop; for authors of primitives. A stop comes to it in two steps.
// `claim` is called under the source's lock and only decides: true means that the listener's frame stays alive, whatever
// else happens, until `heard` is done with it. `heard` is called without any lock.
class stop_listener : public list_node {
protected:
    using claim_function = bool (*)(stop_listener&) noexcept;
    using heard_function = void (*)(stop_listener&) noexcept;

    stop_listener(claim_function claim, heard_function heard) noexcept : claim_{claim}, heard_{heard} {}
    ~stop_listener() = default;

private:
    friend class stop_source;
    claim_function claim_;
    heard_function heard_;
};

class stop_token;

class stop_source : immovable {
public:
    stop_source() = default;
    ~stop_source() { WEIR_ASSERT(listeners_.empty(), "a stop_source died before those who listen to it"); }

    // Tells every listener; true for the first request only, whose reason stands.
    // Cost: a lock, and one more for each listener. Resumes nobody inside the call.
    bool request_stop(errc reason = errc::cancelled) noexcept;

    bool stop_requested() const noexcept { return reason_.load(acquire) != 0; } // [stopped]
    // Needs: stop_requested(), or to have been told, or refused by `add`.
    errc reason() const noexcept {
        return static_cast<errc>(reason_.load(relaxed)); // each of those has acquired, and it never changes again
    }
    stop_token token() noexcept;

    // False when a stop was requested already; then the listener is not added and not told.
    bool add(stop_listener& listener) noexcept;
    // Ends the membership. Afterwards the source does not touch the listener, unless `claim` has returned true for it.
    void remove(stop_listener& listener) noexcept;

private:
    // L1: a listener is linked from `add` until `remove` or until its `claim` is called, whichever is first.
    // L2: `claim` is called under lock_, at most once for each `add`.
    spin_lock lock_;
    atomic<int> reason_{0}; // 0: no stop so far; else an errc
    intrusive_list<stop_listener> listeners_;
};

// A borrowed source; without one, a stop never comes.
class stop_token {
public:
    stop_token() = default;
    explicit stop_token(stop_source* source) noexcept : source_{source} {}

    bool stop_possible() const noexcept { return source_ != nullptr; }
    bool stop_requested() const noexcept { return source_ && source_->stop_requested(); }
    // Needs: stop_requested().
    errc reason() const noexcept { return source_->reason(); }
    stop_source* source() const noexcept { return source_; }

private:
    stop_source* source_ = nullptr;
};

inline stop_token stop_source::token() noexcept { return stop_token{this}; }

inline bool stop_source::request_stop(errc reason) noexcept {
    {
        spin_guard const locked{lock_};
        if (reason_.load(relaxed) != 0) return false; // written under the lock only
        reason_.store(static_cast<int>(reason), release); // [stopped]
    }
    // One listener at a time, so that a listener may still be removed while an earlier one is told.
    for (;;) {
        stop_listener* listener;
        bool claimed;
        {
            spin_guard const locked{lock_};
            listener = listeners_.pop_front();
            if (!listener) return true;
            claimed = listener->claim_(*listener); // keeps L2
        }
        if (claimed) listener->heard_(*listener);
        // ---- the listener may be gone
    }
}

inline bool stop_source::add(stop_listener& listener) noexcept {
    spin_guard const locked{lock_};
    if (reason_.load(relaxed) != 0) return false; // written under the lock only
    listeners_.push_back(listener);
    return true;
}

inline void stop_source::remove(stop_listener& listener) noexcept {
    spin_guard const locked{lock_};
    if (listener.linked()) listener.unlink();
}

// Calls `callback(errc reason)` when a stop is requested, or at once when it was.
// The destructor waits for a call that another thread is in the middle of; inside its own call it does not.
template <std::invocable<errc> F>
class stop_callback : stop_listener, immovable {
public:
    template <class G>
    stop_callback(stop_token token, G&& callback)
        : stop_listener{&claim, &heard}, source_{token.source()}, callback_{std::forward<G>(callback)} {
        if (source_ && !source_->add(*this)) callback_(source_->reason());
    }
    ~stop_callback() {
        if (!source_) return;
        source_->remove(*this);
        if (state_.load(relaxed) == idle) return; // never claimed, and no longer linked: both by the lock of `remove`
        if (caller_ == this_thread_mark()) {
            if (died_inside_) *died_inside_ = true;
            return;
        }
        backoff wait;
        while (state_.load(acquire) != called) wait(); // [called]
    }

private:
    // idle -> claimed (under the source's lock) -> called
    enum state : unsigned char { idle, claimed, called };

    static bool claim(stop_listener& listener) noexcept {
        auto& self = static_cast<stop_callback&>(listener);
        self.caller_ = this_thread_mark();
        self.state_.store(claimed, relaxed); // the source's lock orders it before `remove` returns
        return true;
    }
    static void heard(stop_listener& listener) noexcept {
        auto& self = static_cast<stop_callback&>(listener);
        bool died = false;
        self.died_inside_ = &died;
        self.callback_(self.source_->reason());
        if (died) return;
        self.died_inside_ = nullptr;
        self.state_.store(called, release); // [called]
        // ---- the destructor may have run
    }

    stop_source* const source_;
    atomic<state> state_{idle};
    void const* caller_ = nullptr;
    bool* died_inside_ = nullptr; // belongs to the calling thread
    F callback_;
};

template <class F>
stop_callback(stop_token, F) -> stop_callback<F>;

// A source that is also stopped when the one above it is, with the same reason.
class linked_stop_source : public stop_source {
public:
    explicit linked_stop_source(stop_token above) : link_{above, forward{this}} {}

private:
    class forward {
    public:
        explicit forward(stop_source* to) noexcept : to_{to} {}
        void operator()(errc reason) const noexcept { to_->request_stop(reason); }

    private:
        stop_source* to_;
    };
    stop_callback<forward> link_;
};

} // namespace weir
