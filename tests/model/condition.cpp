// tests/model/condition.cpp: notifications, stops and the mutex in every order: nothing is lost, nobody is stranded.
#include "desk.hpp"

#include <weir/base/slot.hpp>
#include <weir/sync/condition.hpp>

#include <utility>
#include <vector>

using namespace weir;
using namespace weir::model;

namespace {

// A mutex and its condition; what models of it need, so that copies with mistakes can stand in for it.
class real {
public:
    using guard = mutex_guard;
    auto lock() noexcept { return lock_.lock(); }
    guard try_lock() noexcept { return lock_.try_lock(); }
    auto wait(guard& held) noexcept { return changed_.wait(held); }
    void notify_one() noexcept { changed_.notify_one(); }
    void notify_all() noexcept { changed_.notify_all(); }

private:
    mutex lock_;
    condition changed_{lock_};
};

// One waits until a word is written, another writes it under the mutex and notifies, a third stops the first.
template <class Room>
class waits_for_a_word {
public:
    explicit waits_for_a_word(bool stops) : stops_{stops} {}
    void thread(int number) {
        if (number == 0) waits(where_, *this);
        else if (number == 1) writes(plain_, *this);
        else if (stops_) stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "a notification was lost, or somebody went on twice");
        check(stops_ || !stopped_, "stopped without a stop");
        check(static_cast<bool>(room_.try_lock()), "the mutex was lost");
    }

private:
    static walk waits(context const&, waits_for_a_word& self) {
        auto held = co_await self.room_.lock();
        if (held) {
            while (!self.stopped_ && self.word_.get() == 0) {
                auto const waited = co_await self.room_.wait(*held);
                self.stopped_ = !waited;
                check(static_cast<bool>(*held) == !self.stopped_, "the guard does not say whether it is held");
            }
        }
        ++self.ended_;
    }
    static walk writes(context const&, waits_for_a_word& self) {
        auto held = co_await self.room_.lock();
        self.word_.set(1);
        (*held).unlock();
        self.room_.notify_one();
    }
    bool const stops_;
    desk desk_;
    stop_source stop_;
    context const plain_{desk_};
    context const where_ = stops_ ? plain_.with_stop(stop_.token()) : plain_;
    Room room_;
    plain<int> word_;
    int ended_ = 0;
    bool stopped_ = false;
};

// Two wait, the mutex is held; one notification, the unlock, and a stop of the first.
template <class Room>
class one_notification {
public:
    one_notification() {
        waits(stoppable_, *this, 1);
        waits(where_, *this, 2);
        held_ = room_.try_lock();
    }
    void thread(int number) {
        if (number == 0) held_.unlock();
        else if (number == 1) room_.notify_one();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(woken_ == std::vector{stopped_ ? 2 : 1}, "the notification was lost, or woke two, or the wrong one");
        room_.notify_all();
        desk_.run_all();
        check(ended_ == 2, "a coroutine was stranded, or went on twice");
        check(static_cast<bool>(room_.try_lock()), "the mutex was lost");
    }

private:
    static walk waits(context const&, one_notification& self, int name) {
        auto held = co_await self.room_.lock();
        auto const waited = co_await self.room_.wait(*held);
        ++self.ended_;
        if (waited) {
            self.inside_.set(self.inside_.get() + 1); // a race when two are inside
            self.woken_.push_back(name);
        } else {
            self.stopped_ = true;
        }
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    Room room_;
    typename Room::guard held_;
    plain<int> inside_;
    std::vector<int> woken_;
    int ended_ = 0;
    bool stopped_ = false;
};

// Two wait and all are notified, while a third has the mutex or wants it, and the first may be stopped.
class all_are_notified {
public:
    all_are_notified() {
        waits(stoppable_, *this);
        waits(where_, *this);
    }
    void thread(int number) {
        if (number == 0) enters(where_, *this);
        else if (number == 1) room_.notify_all();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 3, "a coroutine was stranded, or went on twice");
        check(static_cast<bool>(room_.try_lock()), "the mutex was lost");
    }

private:
    static walk waits(context const&, all_are_notified& self) {
        auto held = co_await self.room_.lock();
        auto const waited = co_await self.room_.wait(*held);
        ++self.ended_;
        if (waited) self.inside_.set(self.inside_.get() + 1); // a race when two are inside
    }
    static walk enters(context const&, all_are_notified& self) {
        auto const held = co_await self.room_.lock();
        ++self.ended_;
        self.inside_.set(self.inside_.get() + 1);
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    real room_;
    plain<int> inside_;
    int ended_ = 0;
};

// Who is notified ends the condition and the mutex; a stop meets that.
class ends_when_woken {
public:
    ends_when_woken() {
        room_.construct();
        waits(where_, *this);
    }
    void thread(int number) {
        if (number == 0) room_.value().notify_one();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the coroutine went on not once");
        if (!destroyed_) room_.destroy();
    }

private:
    static walk waits(context const&, ends_when_woken& self) {
        auto held = co_await self.room_.value().lock();
        auto const waited = co_await self.room_.value().wait(*held);
        ++self.ended_;
        (*held).unlock();
        if (waited) {
            self.destroyed_ = true;
            self.room_.destroy();
        }
    }
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    slot<real> room_;
    int ended_ = 0;
    bool destroyed_ = false;
};

// Copies with one mistake each.
enum class mistake : unsigned char { loses_what_reached_a_stopped_one, lets_go_then_queues, claims_then_queues };

template <mistake Made>
class wrong {
    class locker;
    class sleeper;
    static constexpr std::uint64_t free = 0;
    static constexpr std::uint64_t held = 1;

public:
    class guard {
    public:
        guard() = default;
        explicit guard(wrong& of) noexcept : of_{&of} {}
        guard(guard&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
        guard& operator=(guard&& other) noexcept {
            std::swap(of_, other.of_);
            return *this;
        }
        ~guard() { unlock(); }
        explicit operator bool() const noexcept { return of_; }
        void unlock() noexcept {
            if (wrong* const of = std::exchange(of_, nullptr)) of->unlock();
        }

    private:
        friend wrong;
        wrong* of_ = nullptr;
    };

    locker lock() noexcept { return locker{*this}; }
    guard try_lock() noexcept {
        std::uint64_t state = free;
        return queue_.try_change(state, held) ? guard{*this} : guard{};
    }
    sleeper wait(guard& mine) noexcept { return sleeper{*this, mine}; }
    void notify_one() noexcept {
        std::uint64_t state = queue_.lock();
        waiter* const woken = pass_on(state);
        queue_.unlock(state);
        if (woken) woken->wake();
    }
    void notify_all() noexcept {
        while (!waiters_.empty()) notify_one();
    }

private:
    void unlock() noexcept {
        queue_.lock();
        waiter* const holder = queue_.pop_claimed();
        queue_.unlock(holder ? held : free);
        if (holder) holder->wake();
    }
    waiter* pass_on(std::uint64_t& state) noexcept {
        while (waiter* const first = waiters_.pop_front()) {
            bool const claimed = (state == free || Made == mistake::claims_then_queues) && first->claim();
            if (state == free && !claimed) continue;
            if (state == free) {
                state = held;
                return first;
            }
            static_cast<sleeper*>(first)->notified_ = true;
            queue_.push(*first);
            return nullptr;
        }
        return nullptr;
    }

    wait_queue queue_{free};
    intrusive_list<waiter> waiters_;
};

template <mistake Made>
class wrong<Made>::locker : public queue_awaiter<locker, guard> {
public:
    explicit locker(wrong& of) noexcept : queue_awaiter<locker, guard>{of.queue_}, of_{of} {}
    bool try_now() const noexcept { return false; }
    bool take(std::uint64_t& state) const noexcept { return std::exchange(state, held) == free; }
    void waits(std::uint64_t&) const noexcept {}
    guard value() const noexcept { return guard{of_}; }

private:
    wrong& of_;
};

template <mistake Made>
class wrong<Made>::sleeper : waiter {
public:
    sleeper(wrong& of, guard& mine) noexcept : waiter{&abandon}, of_{of}, mine_{mine} {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        return listen(handle) && lets_go();
    }
    result<void> await_resume() noexcept {
        auto const ended = finish();
        if (ended) mine_ = guard{of_};
        else mine_.unlock();
        return ended;
    }

private:
    friend wrong;
    bool lets_go() noexcept {
        if (Made == mistake::lets_go_then_queues) mine_.unlock();
        waiter* holder = nullptr;
        std::uint64_t state = of_.queue_.lock();
        bool const suspends = publish();
        if (suspends) {
            of_.waiters_.push_back(*this);
            if (std::exchange(mine_.of_, nullptr)) {
                holder = of_.queue_.pop_claimed();
                state = holder ? held : free;
            }
        }
        of_.queue_.unlock(state);
        if (holder) holder->wake();
        return suspends;
    }
    static void abandon(waiter& self) noexcept {
        auto& gone = static_cast<sleeper&>(self);
        std::uint64_t state = gone.of_.queue_.lock();
        if (gone.linked()) gone.unlink();
        wake_list woken;
        if (gone.notified_ && Made != mistake::loses_what_reached_a_stopped_one)
            if (waiter* const holder = gone.of_.pass_on(state)) woken.add(*holder);
        gone.of_.queue_.unlock(state);
        woken.wake_all();
    }
    wrong& of_;
    guard& mine_;
    bool notified_ = false;
};

} // namespace

TEST_CASE("what is written under the mutex and notified is seen by who waits for it") {
    holds("condition: one waits, one writes and notifies",
          explorer::explore<waits_for_a_word<real>>(2, options{.preemptions = 3}, false));
    holds("condition: the same with a stop", explorer::explore<waits_for_a_word<real>>(3, {}, true));
}

TEST_CASE("one notification wakes one, also when a stop meets it (T7)") {
    holds("condition: notify_one, unlock, stop of the first of two", explorer::explore<one_notification<real>>(3, {}));
}

TEST_CASE("notify_all lets in all, one at a time, also when one is stopped") {
    holds("condition: notify_all, a third that locks, a stop", explorer::explore<all_are_notified>(3, {}));
}

TEST_CASE("a condition and its mutex may end in the hands of who was notified") {
    holds("condition: notify, stop, end by who was woken",
          explorer::explore<ends_when_woken>(2, options{.preemptions = 3}));
}

TEST_CASE("copies of the condition with one mistake each are found") {
    is_found("condition: does not pass on what reached a stopped one",
             explorer::explore<one_notification<wrong<mistake::loses_what_reached_a_stopped_one>>>(3, {}));
    is_found("condition: lets go of the mutex, then queues",
             explorer::explore<waits_for_a_word<wrong<mistake::lets_go_then_queues>>>(2, {}, false));
    is_found("condition: claims who must still wait for the mutex",
             explorer::explore<one_notification<wrong<mistake::claims_then_queues>>>(3, {}));
}
