// tests/stress/sync_groups.cpp: latch, barrier, condition and shared_mutex between real threads, with stops that meet the
// completion in the same instant: nobody is stranded, nothing is lost or doubled.
#include "support/opponent.hpp"
#include "support/scale.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/barrier.hpp>
#include <weir/sync/condition.hpp>
#include <weir/sync/latch.hpp>
#include <weir/sync/shared_mutex.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::size_t const races = scaled(8000, 4);

// Awaits `awaited` under a stop of its own.
template <class A>
task<result<void>> under(stop_source& stop, A awaited) {
    context const& here = co_await this_task();
    context const narrower = here.with_stop(stop.token());
    co_await use_context(narrower);
    co_return co_await std::move(awaited);
}

// A stop for every turn of every task, and mischief: who comes to a turn requests the stop of the turn to which another
// has come, if that is one one of every third.
class stops {
public:
    stops(std::size_t tasks, std::size_t turns) : all_(tasks * turns), now_(tasks) {}
    stop_source& come_to(std::size_t turn, std::size_t task) {
        now_[task].store(turn, relaxed); // a hint: all the sources live from the beginning
        std::size_t const other = (task + 1 + turn % (now_.size() - 1)) % now_.size();
        std::size_t const its = now_[other].load(relaxed); // the same
        if (its % 3 == 0) of(its, other).request_stop();
        return of(turn, task);
    }

private:
    stop_source& of(std::size_t turn, std::size_t task) { return all_[turn * now_.size() + task]; }

    std::vector<stop_source> all_;
    std::vector<atomic<std::size_t>> now_;
};

// Runs `count` of them on three workers, however few cores there are, and waits for all.
template <class F>
void run_side_by_side(std::size_t count, F const& each) {
    runtime_options options;
    options.workers = 3;
    runtime on{options};
    auto const all = [&](scope& children) -> task<> {
        for (std::size_t n = 0; n < count; ++n) children.spawn(each, n);
        co_return;
    };
    on.block_on([&]() -> task<> { co_await in_scope(all); });
}

} // namespace

TEST_CASE("a latch and a stop in the same instant: the waiter goes on once, and may end the latch at once") {
    std::size_t passed = 0;
    std::size_t stopped = 0;
    std::unique_ptr<latch> gate;
    std::unique_ptr<stop_source> stop;
    opponent other{[&](std::size_t n) {
        if (n % 2) stop->request_stop();
        else gate->count_down();
    }};
    for (std::size_t n = 0; n < races; ++n) {
        gate = std::make_unique<latch>(std::size_t{2});
        stop = std::make_unique<stop_source>();
        auto const half = [&]() -> task<> {
            other.begin(n);
            auto const waited = co_await gate->wait();
            if (waited) gate.reset(); // although both count_down may still be returning
            passed += waited.has_value();
            stopped += !waited.has_value();
        };
        auto const counts = [&]() -> task<> {
            offset(n);
            gate->count_down(n % 2 ? 2 : 1);
            co_return;
        };
        static_cast<void>(sync_wait(when_all(half(), counts()), stop->token()));
        other.join(n);
    }
    CHECK(passed + stopped == races);
    CHECK(passed >= races / 2);
}

TEST_CASE("the last arrival and a stop in the same instant: an arrival fails exactly when it does not count") {
    std::size_t met = 0;
    std::size_t failed = 0;
    std::size_t wrong = 0;
    std::unique_ptr<barrier> group;
    std::unique_ptr<stop_source> stop;
    opponent other{[&](std::size_t) { stop->request_stop(); }};
    for (std::size_t n = 0; n < races; ++n) {
        group = std::make_unique<barrier>(std::size_t{2});
        stop = std::make_unique<stop_source>();
        bool second_went_on = false;
        auto const first = [&]() -> task<> {
            other.begin(n);
            auto const arrived = co_await under(*stop, group->arrive());
            met += arrived.has_value();
            failed += !arrived.has_value();
            if (arrived) co_return;
            wrong += second_went_on;
            group->leave();
        };
        auto const second = [&]() -> task<> {
            offset(n);
            auto const arrived = co_await group->arrive();
            second_went_on = true;
            wrong += !arrived.has_value();
        };
        static_cast<void>(sync_wait(when_all(first(), second())));
        other.join(n);
    }
    CHECK(met + failed == races);
    CHECK(wrong == 0);
}

TEST_CASE("a notification and a stop in the same instant: it reaches the first or goes to the second (T7)") {
    std::size_t notified = 0;
    std::size_t stopped = 0;
    std::size_t ended = 0;
    std::size_t wrong = 0;
    mutex lock;
    condition changed{lock};
    std::unique_ptr<stop_source> stop;
    opponent other{[&](std::size_t) { stop->request_stop(); }};
    for (std::size_t n = 0; n < races; ++n) {
        stop = std::make_unique<stop_source>();
        enum class fate { open, reached, ended_by_stop } now = fate::open;
        auto const first = [&]() -> task<> {
            auto held = co_await lock.lock();
            auto const waited = co_await under(*stop, changed.wait(*held));
            now = waited ? fate::reached : fate::ended_by_stop;
            wrong += waited.has_value() != static_cast<bool>(*held);
        };
        auto const second = [&]() -> task<> {
            auto held = co_await lock.lock();
            auto const waited = co_await changed.wait(*held);
            ended += waited.has_value();
        };
        auto const notifies = [&]() -> task<> {
            auto held = n % 2 ? lock.try_lock() : mutex_guard{};
            other.begin(n);
            offset(n);
            changed.notify_one();
            if (n % 4 == 3) offset(n / 4);
            held.unlock();
            while (now == fate::open) {
                co_await yield();
            }
            notified += now == fate::reached;
            stopped += now == fate::ended_by_stop;
            if (now == fate::reached) changed.notify_one();
        };
        static_cast<void>(sync_wait(when_all(first(), second(), notifies())));
        other.join(n);
    }
    CHECK(notified + stopped == races);
    CHECK(ended == races);
    CHECK(wrong == 0);
    CHECK(static_cast<bool>(lock.try_lock()));
}

TEST_CASE("members on several workers meet phase after phase, with stops and timeouts in between, and nobody is ahead") {
    constexpr std::size_t members = 5;
    std::size_t const phases = scaled(20'000, 8);
    barrier group{members};
    stops ends{members, phases};
    std::array<atomic<std::size_t>, members> reached{};
    atomic<std::size_t> ahead{0};
    auto const member = [&](std::size_t me) -> task<> {
        for (std::size_t phase = 0; phase < phases; ++phase) {
            reached[me].store(phase, relaxed); // the barrier orders
            auto const arrived = co_await under(ends.come_to(phase, me), group.arrive());
            for (bool met = arrived.has_value(); !met;) {
                auto const again = co_await timeout(group.arrive(), phase % 5 ? duration{1h} : 50us);
                met = again.has_value();
            }
            for (auto const& other : reached)
                if (other.load(relaxed) < phase) ahead.fetch_add(1, relaxed); // the same
        }
        group.leave();
    };
    run_side_by_side(members, member);
    CHECK(ahead.load(relaxed) == 0);
    CHECK(group.members() == 0);
    for (auto const& each : reached) CHECK(each.load(relaxed) == phases - 1);
}

TEST_CASE("producers and consumers on several workers share a small buffer, with stops: each value arrives once (T7)") {
    constexpr std::size_t tasks = 8; // every fourth produces, so that the others wait
    std::size_t const values = scaled(6000, 8);
    mutex lock;
    condition filled{lock};
    condition emptied{lock};
    stops ends{tasks, 3 * values};
    // Guarded by the mutex.
    std::deque<std::size_t> buffer;
    std::size_t put = 0;
    std::size_t sum = 0;
    std::size_t most = 0;
    // Until `possible`, also when the first wait is stopped.
    auto const wait_for = [&](condition& changed, auto possible, mutex_guard& held, stop_source& first) -> task<> {
        while (!possible()) {
            auto const waited = co_await under(first, changed.wait(held));
            if (waited) continue;
            auto again = co_await lock.lock();
            held = std::move(*again);
            while (!possible()) {
                static_cast<void>(co_await changed.wait(held));
            }
        }
    };
    auto const produces = [&](std::size_t me) -> task<> {
        for (std::size_t n = 0; n < 3 * values; ++n) {
            auto held = co_await lock.lock();
            co_await wait_for(emptied, [&] { return buffer.size() < 3; }, *held, ends.come_to(n, me));
            buffer.push_back(++put);
            most = std::max(most, buffer.size());
            if (n % 2) (*held).unlock();
            filled.notify_one();
        }
    };
    auto const consumes = [&](std::size_t me) -> task<> {
        for (std::size_t n = 0; n < values; ++n) {
            auto held = co_await lock.lock();
            co_await wait_for(filled, [&] { return !buffer.empty(); }, *held, ends.come_to(n, me));
            sum += buffer.front();
            buffer.pop_front();
            if (n % 2) (*held).unlock();
            emptied.notify_one();
        }
    };
    auto const works = [&](std::size_t me) { return me % 4 == 0 ? produces(me) : consumes(me); };
    run_side_by_side(tasks, works);
    CHECK(put == tasks / 4 * 3 * values);
    CHECK(sum == put * (put + 1) / 2);
    CHECK(most <= 3);
    CHECK(buffer.empty());
    CHECK(static_cast<bool>(lock.try_lock()));
}

TEST_CASE("readers and writers on several workers, with stops: what a reader sees is whole (T7, T8)") {
    constexpr std::size_t guests = 6;
    std::size_t const turns = scaled(20'000, 8);
    shared_mutex lock;
    stops ends{guests, turns};
    std::array<std::size_t, 2> pair{}; // guarded by the lock
    atomic<std::size_t> writes{0};
    atomic<std::size_t> torn{0};
    auto const guest = [&](std::size_t me) -> task<> {
        for (std::size_t n = 0; n < turns; ++n) {
            context const& here = co_await this_task();
            context const narrower = here.with_stop(ends.come_to(n, me).token());
            co_await use_context(narrower);
            if ((n + me) % 4 == 0) {
                auto const alone = co_await lock.lock();
                co_await use_context(here);
                if (!alone) continue;
                ++pair[0];
                if (n % 8 < 4) {
                    co_await yield();
                }
                ++pair[1];
                writes.fetch_add(1, relaxed); // a count
            } else {
                auto const shares = co_await lock.lock_shared();
                co_await use_context(here);
                if (shares && pair[0] != pair[1]) torn.fetch_add(1, relaxed); // a count
                if (n % 8 < 4) {
                    co_await yield();
                }
            }
        }
    };
    run_side_by_side(guests, guest);
    CHECK(torn.load(relaxed) == 0);
    CHECK(pair[0] == writes.load(relaxed));
    CHECK(pair[1] == writes.load(relaxed));
    CHECK(static_cast<bool>(lock.try_lock()));
}
