// tests/model/latch.cpp: counting, waiting, stop and the end of a latch in every order.
#include "desk.hpp"

#include <weir/base/slot.hpp>
#include <weir/sync/latch.hpp>

using namespace weir;
using namespace weir::model;

namespace {

// A coroutine counts, waits for the latch and ends it as soon as it has seen it open; others count and stop.
template <class Latch>
class ends_when_open {
public:
    ends_when_open() { latch_.construct(std::size_t{2}); }
    void thread(int number) {
        if (number == 0) waits(where_, *this);
        else if (number == 1) latch_.value().count_down();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the coroutine went on not once");
        if (!destroyed_) {
            check(latch_.value().try_wait(), "a count was lost");
            latch_.destroy();
        }
    }

private:
    static walk waits(context const&, ends_when_open& self) {
        self.latch_.value().count_down();
        auto const waited = co_await self.latch_.value().wait();
        ++self.ended_;
        if (waited) {
            self.destroyed_ = true;
            self.latch_.destroy();
        }
    }
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    slot<Latch> latch_;
    int ended_ = 0;
    bool destroyed_ = false;
};

// Two threads each write something and count; a coroutine, or a thread that looks, then reads both.
template <class Latch>
class two_count {
public:
    explicit two_count(bool looks) : looks_{looks} {}
    void thread(int number) {
        if (number < 2) {
            payload_[number].set(5);
            latch_.count_down();
        } else if (looks_) {
            while (!latch_.try_wait()) weir::pause();
            reads();
        } else {
            waits(where_, *this);
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "who waits was left behind or went on twice");
    }

private:
    static walk waits(context const&, two_count& self) {
        auto const waited = co_await self.latch_.wait();
        check(waited.has_value(), "stopped without a stop");
        self.reads();
    }
    void reads() {
        ++ended_;
        check(payload_[0].get() == 5 && payload_[1].get() == 5, "the latch opened before what was written before it");
    }
    bool const looks_;
    desk desk_;
    context const where_{desk_};
    Latch latch_{2};
    plain<int> payload_[2];
    int ended_ = 0;
};

// Two wait, with a stop for one of them.
class two_wait {
public:
    void thread(int number) {
        if (number == 0) {
            waits(where_, *this);
            waits(stoppable_, *this);
        } else if (number == 1) {
            latch_.count_down();
        } else {
            stop_.request_stop();
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a coroutine was left behind or went on twice");
        check(passed_ >= 1, "a waiter without a stop was not let through");
    }

private:
    static walk waits(context const&, two_wait& self) {
        auto const waited = co_await self.latch_.wait();
        ++self.ended_;
        self.passed_ += waited.has_value();
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    latch latch_{1};
    int ended_ = 0;
    int passed_ = 0;
};

// Copies with one mistake each.
enum class mistake : unsigned char { wakes_under_the_lock, does_not_look_again, counts_in_two_steps };

template <mistake Made>
class wrong {
    class awaiter : public queue_awaiter<awaiter, void> {
    public:
        explicit awaiter(wrong& of) noexcept : queue_awaiter<awaiter, void>{of.queue_} {}
        bool try_now() const noexcept { return this->queue().peek() == 0; }
        bool take(std::uint64_t& left) const noexcept { return Made != mistake::does_not_look_again && left == 0; }
        void waits(std::uint64_t&) const noexcept {}
    };

public:
    explicit wrong(std::size_t count) noexcept : queue_{count} {}
    awaiter wait() noexcept { return awaiter{*this}; }
    bool try_wait() const noexcept { return queue_.peek() == 0; }
    void count_down() noexcept {
        wake_list woken;
        std::uint64_t const seen = queue_.peek();
        std::uint64_t left = queue_.lock();
        left = (Made == mistake::counts_in_two_steps ? seen : left) - 1;
        if (left == 0) queue_.claim_all(woken);
        if (Made == mistake::wakes_under_the_lock) woken.wake_all();
        queue_.unlock(left);
        woken.wake_all();
    }

private:
    wait_queue queue_;
};

} // namespace

TEST_CASE("a latch may end once its only waiter has seen it open") {
    holds("latch: count, wait, stop, end by who waited", explorer::explore<ends_when_open<latch>>(3, {}));
}

TEST_CASE("who passes a latch sees what came before every count") {
    holds("latch: two count, one waits", explorer::explore<two_count<latch>>(3, {}, false));
    holds("latch: two count, one looks", explorer::explore<two_count<latch>>(3, {}, true));
}

TEST_CASE("two wait for a latch and one of them is stopped: all go on") {
    holds("latch: two wait, one is stopped", explorer::explore<two_wait>(3, {}));
}

TEST_CASE("copies of the latch with one mistake each are found") {
    is_found("latch: wakes before it unlocks",
             explorer::explore<ends_when_open<wrong<mistake::wakes_under_the_lock>>>(3, {}));
    is_found("latch: does not look again under the lock",
             explorer::explore<two_count<wrong<mistake::does_not_look_again>>>(3, {}, false));
    is_found("latch: reads and writes the count in two steps",
             explorer::explore<two_count<wrong<mistake::counts_in_two_steps>>>(3, {}, true));
}
