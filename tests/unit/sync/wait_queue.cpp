// tests/unit/sync/wait_queue.cpp: the word is the state and the lock, and waiters leave it claimed or not at all.
#include "support/manual_executor.hpp"

#include <weir/sync/wait_queue.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <thread>

using namespace weir;
using weir::test::manual_executor;

namespace {

// Stands in a queue without a coroutine behind it.
class stander : public waiter {
public:
    stander(wait_queue& in, context const& where) noexcept
        : waiter{[](waiter& self) noexcept {
              auto& mine = static_cast<stander&>(self);
              auto const state = mine.in_.lock();
              if (self.linked()) self.unlink();
              mine.in_.unlock(state);
          }},
          in_{in} {
        static_cast<void>(listen(std::noop_coroutine(), where));
        auto const state = in_.lock();
        if (publish()) in_.push(*this);
        in_.unlock(state);
    }

private:
    wait_queue& in_;
};

} // namespace

TEST_CASE("a locked state still reads as what it was, and unlock shows the new one") {
    wait_queue queue{5};
    CHECK(queue.peek() == 5);
    CHECK(queue.lock() == 5);
    CHECK(queue.peek() == 5);
    queue.unlock(9);
    CHECK(queue.peek() == 9);
}

TEST_CASE("a change in one step happens only from the expected state, and tells the real one") {
    wait_queue queue{1};
    std::uint64_t expected = 2;
    CHECK(!queue.try_change(expected, 3));
    CHECK(expected == 1);
    CHECK(queue.try_change(expected, 3));
    CHECK(queue.peek() == 3);
}

TEST_CASE("an addition in one step needs enough, and none of the bits that forbid it; else nothing has changed") {
    wait_queue queue{6};
    CHECK(queue.try_add(4, 1, 0));
    CHECK(queue.peek() == 10);
    CHECK(!queue.try_add(0 - std::uint64_t{12}, 1, 12));
    CHECK(queue.try_add(0 - std::uint64_t{9}, 1, 10));
    CHECK(queue.peek() == 1);
    CHECK(!queue.try_add(2, 1, 0));
    CHECK(queue.try_add(2, 4, 1));
    CHECK(queue.peek() == 3);
}

TEST_CASE("an addition waits for who holds the lock, unless the state was not enough before") {
    wait_queue queue{2};
    static_cast<void>(queue.lock());
    CHECK(!queue.try_add(0 - std::uint64_t{4}, 1, 4));
    std::thread holder{[&queue] {
        std::this_thread::sleep_for(std::chrono::milliseconds{5}); // the other one is at it by then
        queue.unlock(3);
    }};
    CHECK(!queue.try_add(2, 1, 0)); // a bit that forbids it came with the unlock
    holder.join();
    CHECK(queue.peek() == 3);
}

TEST_CASE("waiters come out in their order, and not those that a stop has claimed") {
    manual_executor runs;
    stop_source stop;
    context const plain{runs};
    context const stoppable = plain.with_stop(stop.token());
    wait_queue queue{0};
    stander first{queue, plain};
    stander second{queue, stoppable};
    stander third{queue, plain};
    stop.request_stop();
    wake_list woken;
    static_cast<void>(queue.lock());
    while (waiter* const one = queue.pop_claimed()) woken.add(*one);
    CHECK(queue.empty());
    queue.unlock(0);
    CHECK(runs.ready() == 1); // the stopped one, by its stop
    woken.wake_all();
    CHECK(runs.ready() == 3);
    runs.run_all();
    CHECK(first.finish().has_value());
    CHECK(second.finish().error() == errc::cancelled);
    CHECK(third.finish().has_value());
}
