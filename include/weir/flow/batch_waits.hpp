// weir/flow/batch_waits.hpp: the three waits of a batcher: of a lane for more, of a lane for work, of a drain for quiet.
// For:      authors of primitives.
#pragma once

#include <weir/flow/batch_core.hpp>
#include <weir/flow/batch_turn.hpp>
#include <weir/sync/wait_queue.hpp>
#include <weir/timer/sleep.hpp>

#include <algorithm>
#include <coroutine>
#include <source_location>

namespace weir::inline v0::detail {

// Until the batch is full, or is due, or somebody asks for all at once. One wait may end early, as the line changes:
// a lane asks again until it is told that there is nothing to wait for.
class batch_core::linger_wait : waiter, timer {
public:
    // `reached` is the lane's: a time that has come, whatever the clock says, as a wheel may run ahead of it.
    linger_wait(batch_core& of, batch_lane& lane, time_point& reached) noexcept
        : waiter{&nobody}, timer{&claim_for, &fired}, core_{of}, partition_{*lane.partition_}, reached_{reached} {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> lane,
                                       std::source_location at = std::source_location::current()) noexcept {
        return listen(lane, at) && begin();
    }
    // Returns: whether to ask again.
    bool await_resume() noexcept {
        static_cast<void>(finish());
        if (!wheel_) return false;
        wheel_->cancel(*this);
        spin_guard const held{core_.lock_};
        if (partition_.lingering == static_cast<waiter*>(this)) { // nobody has rung, so its time has come
            partition_.lingering = nullptr;
            reached_ = partition_.lingers_until;
        }
        return true;
    }

private:
    bool begin() noexcept;
    static bool claim_for(timer& self) noexcept { return static_cast<linger_wait&>(self).waiter::claim(); }
    static void fired(timer& self) noexcept { static_cast<linger_wait&>(self).wake(); }
    static void nobody(waiter& self) noexcept { static_cast<void>(self); } // a lane's context has no stop

    batch_core& core_;
    batch_partition& partition_;
    time_point& reached_;
    timer_wheel* wheel_ = nullptr;
};

// A lane's look for more to do. It queues again, where who is next in line says, behind those it has just answered: they may
// ask again, and a lane with much to do holds nobody up. Or it rests.
class batch_core::rest_wait {
public:
    rest_wait(batch_core& of, batch_lane& lane) noexcept : core_{of}, lane_{lane} {}
    bool await_ready() const noexcept { return false; }
    WEIR_HANDS_OVER void await_suspend(std::coroutine_handle<> run) noexcept;
    void await_resume() const noexcept {}

private:
    batch_core& core_;
    batch_lane& lane_;
};

// Until nothing is pending or under way.
class batch_core::quiet_wait : waiter {
public:
    explicit quiet_wait(batch_core& of) noexcept : waiter{&abandon}, core_{of} {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> self,
                                       std::source_location at = std::source_location::current()) noexcept {
        return listen(self, at) && begin();
    }
    result<void> await_resume() noexcept { return finish(); }

private:
    bool begin() noexcept;
    static void abandon(waiter& self) noexcept {
        batch_core& core = static_cast<quiet_wait&>(self).core_;
        spin_guard const held{core.lock_};
        if (!self.linked()) return;
        self.unlink();
        --core.drainers_count_;
    }

    batch_core& core_;
};

inline bool batch_core::linger_wait::begin() noexcept {
    timer_wheel& wheel = this_wheel();
    time_point const now = std::max(clock::now(), reached_);
    spin_guard const held{core_.lock_};
    // Where it is not enough, one lane suffices: should several collect, the last one lingers.
    batch_partition& of = partition_;
    bool const lingers = !core_.enough(of) && of.collecting == 1;
    time_point const at = lingers ? of.line.due(core_.linger_of(of), of.usual) : now;
    if (at <= now) {
        complete_unpublished();
        return false;
    }
    wheel_ = &wheel;
    of.lingering = this; // keeps J4: fewer than max_items are pending, so one lane is all that is wanted
    of.lingers_until = at;
    return wheel.insert_if(*this, at, [this] { return publish(); }); // await_resume waits for the lock that we hold
}

inline void batch_core::rest_wait::await_suspend(std::coroutine_handle<>) noexcept {
    batch_core& core = core_;
    batch_lane& lane = lane_;
    bool again = false;
    wake_list woken;
    {
        spin_guard const held{core.lock_};
        batch_partition& done = *lane.partition_;
        --done.active;
        batch_partition* const next = core.next_for_lane(done);
        if (next) {
            core.assign(lane, *next);
            lane.where_.executor = core.next_executor(*next); // the last one may end with those who were answered
            again = true;
        } else {
            --core.active_;
            core.idle_.push(lane); // keeps J3: nothing is pending, or enough others collect or are under way
        }
        if (next != &done) {
            if (waiter* const rung = core.ring_if_enough(done)) woken.add(*rung); // nobody may be left to gather behind
            core.forget_if_over(done);
        }
        if (core.quiet()) {
            while (waiter* const one = core.drainers_.pop_front())
                if (one->claim()) woken.add(*one);
            core.drainers_count_ = 0;
        }
    }
    // ---- at rest, another may start the lane, or destroy it with the batcher
    if (again) lane.launch();
    woken.wake_all();
}

inline bool batch_core::quiet_wait::begin() noexcept {
    wake_list rung;
    {
        spin_guard const held{core_.lock_};
        if (core_.quiet()) {
            complete_unpublished();
            return false;
        }
        if (!publish()) return false; // a stop has come
        core_.drainers_.push_back(*this);
        ++core_.drainers_count_;
        core_.ring_all_if_enough(rung);
    }
    // ---- the caller may run elsewhere
    rung.wake_all();
    return true;
}

} // namespace weir::detail
