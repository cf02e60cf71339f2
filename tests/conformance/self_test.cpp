// tests/conformance/self_test.cpp: the suite rejects awaitables that are wrong in the ways it looks for.
// Each is a subject with one mistake, of a kind that has been made; and the same without it passes.
#include "conformance/edges.hpp"
#include "conformance/orders.hpp"
#include "conformance/races.hpp"
#include "support/counting_new.hpp"

#include <weir/base/atomic.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/wait_queue.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <memory>
#include <string>
#include <thread>

using namespace weir;
using namespace weir::conformance;
using Catch::Matchers::ContainsSubstring;

namespace {

enum class mistake : unsigned char {
    none,
    late_stop_wins,   // looks for a stop after it was handed the lock, and forgets that
    dead_hand_over,   // hands the lock to one whom a stop has claimed already
    hands_over_twice, // hands the lock over, and says that it is free as well
    overtakes,        // puts who waits at the front of the queue
    always_cancelled, // does not say the reason of the stop
};

// A lock as weir::mutex, simpler and slower; `slow` makes a stop dawdle between its claim and the queue's lock until
// there was a release, so that a race that seldom happens does.
template <mistake M>
class lock : immovable {
public:
    static constexpr bool slow = M == mistake::none || M == mistake::dead_hand_over;

    class awaiter : waiter {
    public:
        explicit awaiter(lock& of) noexcept : waiter{&abandon}, of_{of} {}
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
            return listen(self) && of_.enqueue(*this);
        }
        result<void> await_resume() noexcept {
            auto const ended = finish();
            if (M == mistake::late_stop_wins && where().stop.stop_requested()) return where().stop.reason();
            if (M == mistake::always_cancelled && !ended) return errc::cancelled;
            return ended;
        }

    private:
        friend lock;
        static void abandon(waiter& self) noexcept {
            lock& of = static_cast<awaiter&>(self).of_;
            for (int n = 0; slow && n < 64 && !of.was_released_.load(relaxed); ++n) std::this_thread::yield();
            of.queue_.remove(self);
        }
        lock& of_;
    };

    void release() noexcept {
        std::uint64_t state = queue_.lock();
        waiter* const next = pop(state);
        queue_.unlock(state);
        was_released_.store(true, relaxed); // a hint
        if (next) next->wake();
    }
    bool is_free() noexcept { return queue_.peek() == 0; }

private:
    bool enqueue(awaiter& one) noexcept {
        std::uint64_t state = queue_.lock();
        bool const waits = state == 1 && one.publish();
        if (waits) {
            queue_.push(one);
            if (M == mistake::overtakes)
                while (queue_.front() != &one) {
                    waiter& earlier = *queue_.front();
                    earlier.unlink();
                    queue_.push(earlier);
                }
        } else if (state == 0) {
            one.complete_unpublished();
            state = 1;
        }
        queue_.unlock(state);
        return waits;
    }
    // The next to hold it; `state` is 1 while anybody does.
    waiter* pop(std::uint64_t& state) noexcept {
        if (M == mistake::dead_hand_over) {
            waiter* const first = queue_.front();
            if (!first) state = 0;
            else first->unlink();
            return first && first->claim() ? first : nullptr;
        }
        waiter* const next = queue_.pop_claimed();
        if (!next || M == mistake::hands_over_twice) state = 0;
        return next;
    }

    wait_queue queue_{1};
    atomic<bool> was_released_{false};
};

template <mistake M>
struct lock_subject {
    static constexpr description row{
        .name = "lock", .kind = on_cancel::loses_place, .value = "", .serves = audience::one};
    explicit lock_subject(stage&) {}
    task<std::error_code> wait() {
        auto const got = co_await typename lock<M>::awaiter{of};
        if (got) ++had;
        co_return got.error();
    }
    void complete() { of.release(); }
    bool whole(std::size_t completed) { return completed <= 1 && had == completed && of.is_free() == (completed == 0); }

    lock<M> of;
    std::size_t had = 0;
};

// As event::wait, with a mistake of the adapter's own, as a combinator might make it.
struct deaf : lock_subject<mistake::none> {
    static constexpr description row{.name = "deaf", .kind = on_cancel::safe, .value = "", .serves = audience::all};
    using lock_subject::lock_subject;
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        context const patient = here.with_stop({});
        co_await use_context(patient);
        auto const waited = co_await flag.wait();
        co_await use_context(here);
        co_return waited.error();
    }
    void complete() { flag.set(); }
    bool whole(std::size_t) { return true; }
    event flag;
};

struct hasty : deaf {
    using deaf::deaf;
    task<std::error_code> wait() { co_return {}; }
};

struct leaking : deaf {
    using deaf::deaf;
    task<std::error_code> wait() {
        auto value = std::make_unique<int>(1);
        auto const waited = co_await flag.wait();
        if (!waited) kept = value.release(); // nobody else knows it
        co_return waited.error();
    }
    ~leaking() { forgotten().reset(kept); }
    // So that only this suite misses it, and not the leak detector, too.
    static std::unique_ptr<int>& forgotten() {
        static std::unique_ptr<int> one;
        return one;
    }
    int* kept = nullptr;
};

// Says that who is stopped loses nothing, but there is a queue.
struct misdescribed : lock_subject<mistake::none> {
    static constexpr description row{
        .name = "misdescribed", .kind = on_cancel::safe, .value = "", .serves = audience::one};
    using lock_subject::lock_subject;
};

template <subject S>
std::string verdict() {
    if (fault const found = at_the_edges<S>()) return found;
    return in_every_order<S>();
}

} // namespace

TEST_CASE("the lock without a mistake passes, and so nothing else is wrong with it") {
    CHECK(verdict<lock_subject<mistake::none>>() == "");
    CHECK(in_races<lock_subject<mistake::none>>() == "");
}

TEST_CASE("a lock that is lost when a stop comes after the hand-over is rejected") {
    CHECK_THAT(verdict<lock_subject<mistake::late_stop_wins>>(),
               ContainsSubstring("lost") || ContainsSubstring("won over"));
}

TEST_CASE("a lock that is handed to one who was stopped is rejected, by the races alone") {
    CHECK(verdict<lock_subject<mistake::dead_hand_over>>() == "");
    CHECK_THAT(in_races<lock_subject<mistake::dead_hand_over>>(), ContainsSubstring("lost"));
}

TEST_CASE("a lock that two may have is rejected") {
    CHECK_THAT(verdict<lock_subject<mistake::hands_over_twice>>(), ContainsSubstring("twice"));
}

TEST_CASE("a queue whose last comer goes first is rejected (T8)") {
    CHECK_THAT(verdict<lock_subject<mistake::overtakes>>(), ContainsSubstring("place in the queue"));
}

TEST_CASE("a stop without its reason is rejected") {
    CHECK_THAT(verdict<lock_subject<mistake::always_cancelled>>(),
               ContainsSubstring("deadline is past") || ContainsSubstring("reason"));
}

TEST_CASE("an awaitable that ignores its stop is rejected") {
    CHECK_THAT(verdict<deaf>(), ContainsSubstring("deadline is past"));
    CHECK_THAT(in_every_order<deaf>(), ContainsSubstring("was stopped"));
}

TEST_CASE("an awaitable that does not wait is rejected") {
    CHECK_THAT(in_every_order<hasty>(), ContainsSubstring("before that was to be had"));
}

#if !WEIR_TSAN
TEST_CASE("an awaitable that leaves something behind is rejected") {
    CHECK_THAT(in_every_order<leaking>(), ContainsSubstring("stayed behind"));
}
#endif

TEST_CASE("an awaitable whose table line is wrong is rejected") {
    CHECK_THAT(verdict<misdescribed>(), ContainsSubstring("what the table says"));
}
