// tests/model/barrier.cpp: arrivals, a stop and a leaving in every order: nobody is a phase ahead, nobody is stranded.
#include "desk.hpp"

#include <weir/base/slot.hpp>
#include <weir/sync/barrier.hpp>

using namespace weir;
using namespace weir::model;

namespace {

// Two members meet; the first may be stopped. If it fails, its arrival does not count, and the second still waits.
template <class Barrier>
class one_is_stopped {
public:
    void thread(int number) {
        if (number == 0) arrives(stoppable_, *this, 0);
        else if (number == 1) arrives(where_, *this, 1);
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_[0] == 1, "the first went on not once");
        if (!met_[0]) {
            check(ended_[1] == 0, "an arrival failed, and was counted");
            group_.leave();
            desk_.run_all();
        }
        check(ended_[1] == 1 && met_[1], "the second went on not once");
    }

private:
    static walk arrives(context const&, one_is_stopped& self, int me) {
        self.payload_[me].set(5);
        auto const met = co_await self.group_.arrive();
        ++self.ended_[me];
        self.met_[me] = met.has_value();
        if (met && self.met_[0]) check(self.payload_[1 - me].get() == 5, "a member went on before what another wrote");
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    Barrier group_{2};
    plain<int> payload_[2];
    int ended_[2] = {};
    bool met_[2] = {};
};

// Two members arrive while the third leaves.
template <class Barrier>
class one_leaves {
public:
    void thread(int number) {
        if (number < 2) arrives(where_, *this);
        else group_.leave();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a member was stranded, or went on twice");
    }

private:
    static walk arrives(context const&, one_leaves& self) {
        auto const met = co_await self.group_.arrive();
        check(met.has_value(), "stopped without a stop");
        ++self.ended_;
    }
    desk desk_;
    context const where_{desk_};
    Barrier group_{3};
    int ended_ = 0;
};

// Two phases; who goes on last ends the barrier.
template <class Barrier>
class two_phases {
public:
    two_phases() { group_.construct(std::size_t{2}); }
    void thread(int number) {
        arrives(where_, *this, number);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(gone_.load(relaxed) == 2, "a member was stranded");
    }

private:
    static walk arrives(context const&, two_phases& self, int me) {
        for (int phase = 1; phase <= 2; ++phase) {
            self.written_[me][phase - 1].set(phase);
            static_cast<void>(co_await self.group_.value().arrive());
            check(self.written_[1 - me][phase - 1].get() == phase, "a member was a phase ahead");
        }
        if (self.gone_.fetch_add(1, acq_rel) == 1) self.group_.destroy();
    }
    desk desk_;
    context const where_{desk_};
    slot<Barrier> group_;
    plain<int> written_[2][2];
    atomic<int> gone_{0};
};

// One of two arrives and ends the barrier as soon as it goes on, while the other is still inside `leave`.
template <class Barrier>
class ends_when_left {
public:
    ends_when_left() { group_.construct(std::size_t{2}); }
    void thread(int number) {
        if (number == 0) arrives(where_, *this);
        else group_.value().leave();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_, "the member was stranded");
    }

private:
    static walk arrives(context const&, ends_when_left& self) {
        static_cast<void>(co_await self.group_.value().arrive());
        self.group_.destroy();
        self.ended_ = true;
    }
    desk desk_;
    context const where_{desk_};
    slot<Barrier> group_;
    bool ended_ = false;
};

// Copies with one mistake each.
enum class mistake : unsigned char { fails_what_it_counts, keeps_who_stopped, wakes_first, leaves_without_a_look };

template <mistake Made>
class wrong {
    class awaiter : waiter {
    public:
        explicit awaiter(wrong& of) noexcept : waiter{&take_back}, of_{of} {}
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
            return listen(handle) && arrives();
        }
        result<void> await_resume() noexcept {
            auto const ended = finish();
            return counted_ ? result<void>{} : ended;
        }

    private:
        bool arrives() noexcept {
            wrong& of = of_;
            wake_list woken;
            bool suspends = false;
            std::uint64_t arrived = of.queue_.lock();
            if (arrived + 1 == of.members_) {
                complete_unpublished();
                of.queue_.claim_all(woken);
                arrived = 0;
            } else if (publish()) {
                of.queue_.push(*this);
                ++arrived;
                suspends = true;
            }
            of.queue_.unlock(arrived);
            woken.wake_all();
            return suspends;
        }
        static void take_back(waiter& self) noexcept {
            auto& mine = static_cast<awaiter&>(self);
            std::uint64_t arrived = mine.of_.queue_.lock();
            if (mine.linked()) {
                mine.unlink();
                if (Made != mistake::keeps_who_stopped) --arrived;
            } else {
                mine.counted_ = Made != mistake::fails_what_it_counts;
            }
            mine.of_.queue_.unlock(arrived);
        }
        wrong& of_;
        bool counted_ = false;
    };

public:
    explicit wrong(std::size_t members) noexcept : members_{members} {}
    awaiter arrive() noexcept { return awaiter{*this}; }
    void leave() noexcept {
        wake_list woken;
        std::uint64_t arrived = queue_.lock();
        if (arrived == --members_ && Made != mistake::leaves_without_a_look) {
            queue_.claim_all(woken);
            arrived = 0;
        }
        if (Made == mistake::wakes_first) woken.wake_all();
        queue_.unlock(arrived);
        woken.wake_all();
    }

private:
    std::uint64_t members_;
    wait_queue queue_{0};
};

} // namespace

TEST_CASE("an arrival that a stop meets fails exactly when it does not count") {
    holds("barrier: two arrive, one is stopped",
          explorer::explore<one_is_stopped<barrier>>(3, options{.preemptions = 3}));
}

TEST_CASE("two arrive while the third leaves: both go on") {
    holds("barrier: two arrive, one leaves", explorer::explore<one_leaves<barrier>>(3, options{.preemptions = 3}));
}

TEST_CASE("two phases: nobody is ahead, and who goes on last may end the barrier") {
    holds("barrier: two phases and the end", explorer::explore<two_phases<barrier>>(2, options{.preemptions = 3}));
}

TEST_CASE("a member that goes on may end the barrier while the last is still leaving") {
    holds("barrier: one leaves, the other ends it",
          explorer::explore<ends_when_left<barrier>>(2, options{.preemptions = 3}));
}

TEST_CASE("copies of the barrier with one mistake each are found") {
    is_found("barrier: fails an arrival that it counts",
             explorer::explore<one_is_stopped<wrong<mistake::fails_what_it_counts>>>(3, {}));
    is_found("barrier: keeps the arrival of who was stopped",
             explorer::explore<one_is_stopped<wrong<mistake::keeps_who_stopped>>>(3, {}));
    is_found("barrier: wakes before it unlocks", explorer::explore<ends_when_left<wrong<mistake::wakes_first>>>(2, {}));
    is_found("barrier: leaves without a look at who waits",
             explorer::explore<one_leaves<wrong<mistake::leaves_without_a_look>>>(3, {}));
}
