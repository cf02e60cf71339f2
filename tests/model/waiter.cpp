// tests/model/waiter.cpp: completion, stop and arming of one waiter in every order, and what breaks when a rule is broken.
#include "desk.hpp"

#include <weir/coro/waiter.hpp>
#include <weir/cpu/spin_lock.hpp>

using namespace weir;
using namespace weir::model;

namespace {

enum class rule { kept, published_outside, claimed_outside, not_abandoned, woken_by_both };

// A flag with waiters, after the recipe of waiter.hpp; or with one of its rules broken.
class gate {
public:
    explicit gate(rule broken) : broken_{broken} {}

    class awaiter : waiter {
    public:
        explicit awaiter(gate& of) noexcept : waiter{&abandon}, of_{of} {}
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
            if (!listen(handle)) return false;
            gate& of = of_;
            noted_.set(5);
            if (of.broken_ == rule::published_outside && !publish()) return false;
            spin_guard const locked{of.lock_};
            if (of.open_) {
                complete_unpublished();
                return false;
            }
            if (of.broken_ != rule::published_outside && !publish()) return false;
            of.waiting_.push_back(*this); // keeps V3
            return true;
        }
        result<void> await_resume() noexcept { return finish(); }

    private:
        friend gate;
        static void abandon(waiter& self) noexcept {
            auto& mine = static_cast<awaiter&>(self);
            check(mine.noted_.get() == 5, "a stop came before what was written before publish");
            gate& of = mine.of_;
            if (of.broken_ == rule::not_abandoned) return;
            spin_guard const locked{of.lock_};
            if (self.linked()) self.unlink();
        }
        gate& of_;
        plain<int> noted_; // V4: as the lock would be that abandon takes, where it is known only once the wait begins
    };

    awaiter wait() noexcept { return awaiter{*this}; }
    void open() noexcept {
        waiter* mine = nullptr;
        {
            spin_guard const locked{lock_};
            open_ = true;
            waiter* const one = waiting_.pop_front();
            if (one && (broken_ == rule::claimed_outside || one->claim() || broken_ == rule::woken_by_both)) mine = one;
        }
        if (mine && broken_ == rule::claimed_outside && !mine->claim()) mine = nullptr;
        if (mine) mine->wake();
    }

private:
    rule const broken_;
    spin_lock lock_;
    bool open_ = false;
    intrusive_list<waiter> waiting_;
};

class one_waiter {
public:
    explicit one_waiter(rule broken, bool opens = true) : gate_{broken}, opens_{opens} {}
    void thread(int number) {
        if (number == 0) waits(where_, *this);
        else if (number == 1 && opens_) gate_.open();
        else stop_.request_stop(errc::timed_out);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the coroutine went on not once");
    }

private:
    static walk waits(context const&, one_waiter& self) {
        auto const waited = co_await self.gate_.wait();
        check(waited || waited.error() == errc::timed_out, "a stop without its reason");
        ++self.ended_;
    }
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    gate gate_;
    bool const opens_;
    int ended_ = 0;
};

} // namespace

TEST_CASE("a waiter goes on once, whatever comes first") {
    holds("waiter: completion, stop, arming", explorer::explore<one_waiter>(3, {}, rule::kept));
}

TEST_CASE("a stop that comes while the waiter arms is not lost") {
    holds("waiter: a stop, and nobody else",
          explorer::explore<one_waiter>(2, options{.preemptions = 3}, rule::kept, false));
}

TEST_CASE("each broken rule of the waiter is found") {
    is_found("waiter: published outside of the lock", explorer::explore<one_waiter>(3, {}, rule::published_outside));
    is_found("waiter: not taken out by its stop", explorer::explore<one_waiter>(3, {}, rule::not_abandoned));
    is_found("waiter: woken by both", explorer::explore<one_waiter>(3, {}, rule::woken_by_both));
    is_found("waiter: claimed outside of the lock", explorer::explore<one_waiter>(3, {}, rule::claimed_outside));
}
