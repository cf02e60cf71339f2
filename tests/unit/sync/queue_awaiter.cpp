// tests/unit/sync/queue_awaiter.cpp: what is there is taken at once, a stop takes nothing, and waiting allocates nothing.
#include "support/allocations.hpp"
#include "support/counting_new.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync.hpp>

#include <catch2/catch_test_macros.hpp>

#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

// A turnstile: opens for one who waits at each push. It notes what its awaiters are asked.
class turnstile : immovable {
    class awaiter;

public:
    operation<awaiter, turnstile&> pass() noexcept { return operation<awaiter, turnstile&>{*this}; }
    void push() noexcept {
        std::uint64_t const pushes = queue_.lock();
        waiter* const one = queue_.pop_claimed();
        queue_.unlock(one ? pushes : pushes + 1);
        if (one) one->wake();
    }
    std::uint64_t pushes() const noexcept { return queue_.peek(); }
    waiter* first() noexcept { return queue_.front(); }
    static int name_of(waiter& one) noexcept;

    int tried = 0;
    int taken = 0;
    int waited = 0;
    int abandoned = 0;
    bool blind = false; // what could be had at once is seen under the lock only

private:
    wait_queue queue_{0};
};

class turnstile::awaiter : public queue_awaiter<awaiter, int> {
public:
    explicit awaiter(turnstile& of) noexcept : queue_awaiter{of.queue_}, of_{of} {}
    bool try_now() const noexcept {
        ++of_.tried;
        std::uint64_t pushes = queue().peek();
        return !of_.blind && pushes > 0 && queue().try_change(pushes, pushes - 1);
    }
    bool take(std::uint64_t& pushes) const noexcept {
        if (pushes == 0) return false;
        ++of_.taken;
        --pushes;
        return true;
    }
    void waits(std::uint64_t&) const noexcept { ++of_.waited; }
    int value() const noexcept { return 7; }
    void abandon() noexcept {
        ++of_.abandoned;
        queue_awaiter::abandon();
    }

private:
    friend turnstile;
    turnstile& of_;
};

inline int turnstile::name_of(waiter& one) noexcept { return awaiter::of(one).value(); }

task<int> passes(turnstile& through) {
    auto const passed = co_await through.pass();
    if (!passed) co_return -1;
    co_return *passed;
}

// How many blocks are asked for between the moment at which `waits` is about to wait and the one at which it goes on.
template <class Waits, class Wakes>
std::size_t blocks_made_in(Waits waits, Wakes wakes) {
    std::size_t before = 0;
    std::size_t after = 0;
    int woke = 0;
    auto const one = [&]() -> task<> {
        co_await yield(); // until all frames exist
        before = blocks_made.load();
        static_cast<void>(co_await waits());
        after = blocks_made.load();
    };
    auto const other = [&]() -> task<> {
        co_await yield();
        co_await yield();
        ++woke;
        wakes();
    };
    sync_wait(when_all(one(), other()));
    REQUIRE(woke == 1);
    return after - before;
}

} // namespace

TEST_CASE("what is to be had at once is taken without the lock, and without a waiter") {
    manual_executor runs;
    turnstile gate;
    gate.push();
    started work{passes(gate), context{runs}};
    REQUIRE(work.done());
    CHECK(work.take() == 7);
    CHECK(gate.tried == 1);
    CHECK(gate.taken + gate.waited == 0);
    CHECK(gate.pushes() == 0);
}

TEST_CASE("what comes between the look and the lock is taken under the lock, but for one that was stopped") {
    for (bool const stopped : {false, true}) {
        manual_executor runs;
        stop_source stop;
        turnstile gate;
        gate.blind = true;
        gate.push();
        if (stopped) stop.request_stop();
        started work{passes(gate), context{runs}.with_stop(stop.token())};
        REQUIRE(work.done());
        CHECK(work.take() == (stopped ? -1 : 7)); // who is stopped does not look again
        CHECK(gate.taken == (stopped ? 0 : 1));
        CHECK(gate.pushes() == (stopped ? 1 : 0));
        CHECK(gate.waited + gate.abandoned == 0);
    }
}

TEST_CASE("one that waits is found in the queue with its awaiter, and a value is handed to it") {
    manual_executor runs;
    turnstile gate;
    started work{passes(gate), context{runs}};
    REQUIRE(gate.first());
    CHECK(turnstile::name_of(*gate.first()) == 7);
    CHECK(gate.waited == 1);
    gate.push();
    CHECK(!gate.first());
    CHECK(!work.done());
    runs.run_all();
    CHECK(work.take() == 7);
}

TEST_CASE("one that is stopped abandons once, in the primitive's own way, and takes no value") {
    manual_executor runs;
    stop_source stop;
    turnstile gate;
    started work{passes(gate), context{runs}.with_stop(stop.token())};
    stop.request_stop();
    stop.request_stop();
    CHECK(gate.abandoned == 1);
    CHECK(!gate.first());
    gate.push();
    runs.run_all();
    CHECK(work.take() == -1);
    CHECK(gate.pushes() == 1);
}

TEST_CASE("waiting allocates nothing, for whatever one waits") {
    event flag;
    CHECK(blocks_made_in([&] { return flag.wait(); }, [&] { flag.set(); }) == 0);
    latch gate{1};
    CHECK(blocks_made_in([&] { return gate.wait(); }, [&] { gate.count_down(); }) == 0);
    barrier group{2};
    CHECK(blocks_made_in([&] { return group.arrive(); }, [&] { group.leave(); }) == 0);
    semaphore permits{0};
    CHECK(blocks_made_in([&] { return permits.acquire(3); }, [&] { permits.release(3); }) == 0);
    mutex lock;
    auto held = lock.try_lock();
    CHECK(blocks_made_in([&] { return lock.lock(); }, [&] { held.unlock(); }) == 0);
    shared_mutex shared;
    auto reads = shared.try_lock_shared();
    CHECK(blocks_made_in([&] { return shared.lock(); }, [&] { reads.release(); }) == 0);
    condition changed{lock};
    auto mine = lock.try_lock();
    CHECK(blocks_made_in([&] { return changed.wait(mine); }, [&] { changed.notify_one(); }) == 0);
}
