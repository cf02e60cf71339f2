// tests/stress/foreign_executor.cpp: tasks of two foreign runtimes meet in every primitive. All of them work where nothing
// is there but `post`, and each task goes on in the runtime that it belongs to, whoever has woken it.
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/watchdog.hpp"

#include <weir/channel.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/when_any.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync.hpp>

#include <catch2/catch_test_macros.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

// The queue of the unbounded channel orders by fences, which the thread sanitizer does not see.
extern "C" char const* __tsan_default_suppressions() { return "race:moodycamel::\n"; }

using namespace weir;
using namespace weir::test;

namespace {

// Runs what is posted on two threads of its own. They have no frame pool, no wheel, no loop of transfers, and no context.
class foreign_runtime final : public executor, immovable {
public:
    foreign_runtime() {
        for (auto& one : threads_) one = std::thread{[this] { serve(); }};
    }
    ~foreign_runtime() {
        {
            std::lock_guard const locked{lock_};
            ends_ = true;
            wake_.notify_all();
        }
        for (auto& one : threads_) one.join();
    }
    void post(job& work) noexcept override {
        std::lock_guard const locked{lock_};
        jobs_.push_back(&work); // not through its link: a foreign queue has links of its own
        wake_.notify_one();
    }

private:
    void serve() {
        current_guard<foreign_runtime> const marked{this};
        for (;;) {
            std::unique_lock locked{lock_};
            wake_.wait(locked, [this] { return ends_ || !jobs_.empty(); });
            if (jobs_.empty()) return;
            job* const work = jobs_.front();
            jobs_.pop_front();
            locked.unlock();
            work->run();
        }
    }
    std::mutex lock_;
    std::condition_variable wake_;
    std::deque<job*> jobs_;
    bool ends_ = false;
    std::thread threads_[2];
};

// How often a task went on in a runtime that is not its own.
class strays {
public:
    void look(context const& mine) noexcept {
        foreign_runtime* const here = current<foreign_runtime>();
        if (!here || !(executor_ref{*here} == mine.executor)) count_.fetch_add(1, relaxed); // a tally
    }
    std::size_t count() const noexcept { return count_.load(relaxed); }

private:
    atomic<std::size_t> count_{0};
};

class two_runtimes {
public:
    // Runs `body(scope&, n)` as number 0 in the one and as number 1 in the other, at a time.
    template <class Body>
    void run(Body& body) {
        started one{in_scope(std::ref(body), std::size_t{0}), context{first_}};
        started other{in_scope(std::ref(body), std::size_t{1}), context{second_}};
        one.wait();
        other.wait();
        one.take();
        other.take();
    }

    executor_ref first() noexcept { return first_; }

private:
    foreign_runtime first_;
    foreign_runtime second_;
};

constexpr std::size_t per_runtime = 4; // tasks

} // namespace

TEST_CASE("a lock, permits, a condition and barriers between two foreign runtimes: each task stays at home (T7, T8)") {
    test::watchdog const dog{60};
    std::size_t const turns = scaled(10'000, 5);
    two_runtimes both;
    strays away;
    mutex lock;
    condition changed{lock};
    std::size_t tokens = 0; // guarded by lock, as the next
    std::size_t taken = 0;
    semaphore permits{3};
    shared_mutex book;
    std::size_t entries = 0; // guarded by book
    barrier round{2 * per_runtime};
    latch all_there{2 * per_runtime};
    auto const gives = [&](std::size_t) -> task<> {
        context const& mine = co_await this_task();
        all_there.count_down();
        static_cast<void>(co_await all_there.wait());
        away.look(mine);
        for (std::size_t n = 0; n < turns; ++n) {
            {
                auto const permit = co_await permits.acquire(1 + n % 3);
                away.look(mine);
                auto const held = co_await lock.lock();
                away.look(mine);
                ++tokens;
            }
            changed.notify_one();
            if (n % 8 == 0) {
                auto const alone = co_await book.lock();
                away.look(mine);
                ++entries;
            }
            if (n % 64 == 0) {
                static_cast<void>(co_await round.arrive());
                away.look(mine);
            }
        }
        changed.notify_all();
    };
    auto const takes = [&](std::size_t) -> task<> {
        context const& mine = co_await this_task();
        for (;;) {
            auto held = co_await lock.lock();
            away.look(mine);
            while (tokens == 0 && taken < 2 * per_runtime * turns) {
                static_cast<void>(co_await changed.wait(*held));
                away.look(mine);
            }
            if (tokens == 0) break;
            --tokens;
            if (++taken == 2 * per_runtime * turns) changed.notify_all();
            held->unlock();
            auto const reading = co_await book.lock_shared();
            away.look(mine);
        }
    };
    auto const body = [&](scope& children, std::size_t) -> task<> {
        for (std::size_t n = 0; n < per_runtime; ++n) children.spawn(gives, n);
        children.spawn(takes, std::size_t{0});
        co_return;
    };
    both.run(body);
    CHECK(away.count() == 0);
    CHECK(taken == 2 * per_runtime * turns);
    CHECK(tokens == 0);
    CHECK(entries == 2 * per_runtime * ((turns + 7) / 8));
    CHECK(permits.available() == 3);
}

TEST_CASE("requests and replies between two foreign runtimes, and races of two replies: each task stays at home (T3)") {
    struct request {
        std::uint64_t number;
        oneshot_sender<std::uint64_t> reply;
    };
    test::watchdog const dog{60};
    std::size_t const turns = scaled(10'000, 5);
    two_runtimes both;
    strays away;
    channel<request> to_first{3};
    channel<request> to_second{1};
    atomic<std::size_t> wrong{0};
    atomic<std::size_t> asking{2 * per_runtime};
    auto const asks = [&](channel<request>& there) -> task<> {
        context const& mine = co_await this_task();
        for (std::size_t n = 1; n <= turns; ++n) {
            auto one = oneshot<std::uint64_t>();
            auto other = oneshot<std::uint64_t>();
            request asked{n, std::move(one.first)};
            auto const sent = co_await there.send(std::move(asked));
            away.look(mine);
            auto place = co_await there.reserve();
            away.look(mine);
            place->send(request{n, std::move(other.first)});
            auto const first = co_await when_any(one.second.recv(), other.second.recv());
            away.look(mine);
            bool const right = std::visit([&](auto const& told) { return told && *told == n + 1; }, first.value);
            wrong.fetch_add(!sent || !right, relaxed); // a tally
        }
        if (asking.fetch_sub(1, acq_rel) == 1) { // the last one has heard what all others were told
            to_first.close();
            to_second.close();
        }
    };
    auto const answers = [&](channel<request>& here) -> task<> {
        context const& mine = co_await this_task();
        for (;;) {
            auto got = co_await here.recv();
            away.look(mine);
            if (!got) break;
            static_cast<void>(got->reply.send(got->number + 1)); // false for the one that came too late
        }
    };
    auto const body = [&](scope& children, std::size_t home) -> task<> {
        for (std::size_t n = 0; n < per_runtime; ++n) children.spawn(asks, std::ref(home == 0 ? to_second : to_first));
        children.spawn(answers, std::ref(home == 0 ? to_first : to_second));
        co_return;
    };
    both.run(body);
    CHECK(away.count() == 0);
    CHECK(wrong.load(relaxed) == 0);
}

TEST_CASE("what one foreign runtime tells, the other hears, to the last word") {
    test::watchdog const dog{60};
    std::size_t const turns = scaled(50'000, 5);
    two_runtimes both;
    strays away;
    unbounded_channel<std::uint64_t> journal;
    broadcast<std::uint64_t> news{16};
    watch<std::uint64_t> latest{0};
    latch subscribed{2};
    std::size_t noted = 0;
    std::size_t heard = 0;
    std::size_t last = 0;
    auto const tells = [&]() -> task<> {
        static_cast<void>(co_await subscribed.wait());
        away.look(co_await this_task());
        for (std::uint64_t n = 1; n <= turns; ++n) {
            if (!journal.send(std::uint64_t{n})) break;
            static_cast<void>(news.send(n));
            latest.send(n);
            if (n % 2 == 0) {
                static_cast<void>(co_await when_all(yield(), yield()));
                away.look(co_await this_task());
            }
        }
        journal.close();
        news.close();
        latest.close();
    };
    auto const notes = [&]() -> task<> {
        context const& mine = co_await this_task();
        for (;;) {
            auto const got = co_await journal.recv();
            away.look(mine);
            if (!got) break;
            ++noted;
        }
    };
    auto const hears = [&]() -> task<> {
        context const& mine = co_await this_task();
        auto listener = news.subscribe();
        subscribed.count_down();
        for (;;) {
            auto const got = co_await listener.recv();
            away.look(mine);
            if (got) ++heard;
            else if (got.error() == errc::closed) break;
        }
        heard += listener.missed();
    };
    auto const follows = [&]() -> task<> {
        context const& mine = co_await this_task();
        auto follower = latest.subscribe();
        subscribed.count_down();
        for (;;) {
            auto const changed = co_await follower.changed();
            away.look(mine);
            if (!changed) break;
            last = *follower.borrow();
        }
    };
    auto const body = [&](scope& children, std::size_t home) -> task<> {
        if (home == 0) {
            children.spawn(tells);
        } else {
            children.spawn(notes);
            children.spawn(hears);
            children.spawn(follows);
        }
        co_return;
    };
    both.run(body);
    CHECK(away.count() == 0);
    CHECK(noted == turns);
    CHECK(heard == turns);
    CHECK(last == turns);
}

TEST_CASE("one flight serves the callers of two foreign runtimes, each of whom stays at home (S1, S13)") {
    test::watchdog const dog{60};
    std::size_t const turns = scaled(10'000, 5);
    two_runtimes both;
    strays away;
    atomic<std::size_t> wrong{0};
    barrier together{2 * per_runtime};
    coalescer_options options;
    options.executor = both.first(); // so that who leads may live elsewhere than the flight
    auto const load = [](std::size_t const& key) -> task<std::size_t> {
        co_await yield();
        co_return key * key;
    };
    coalescer<std::size_t, std::size_t> squares{load, options};
    auto const asks = [&]() -> task<> {
        context const& mine = co_await this_task();
        for (std::size_t n = 0; n < turns; ++n) {
            static_cast<void>(co_await together.arrive()); // so that the runtimes meet in a flight
            auto const got = co_await squares.get(n);
            away.look(mine);
            wrong.fetch_add(!got || **got != n * n, relaxed); // a tally
        }
    };
    auto const body = [&](scope& children, std::size_t) -> task<> {
        for (std::size_t n = 0; n < per_runtime; ++n) children.spawn(asks);
        co_return;
    };
    both.run(body);
    auto const closes = [&](scope&, std::size_t home) -> task<> {
        if (home == 0) co_await squares.close();
    };
    both.run(closes);
    CHECK(away.count() == 0);
    CHECK(wrong.load(relaxed) == 0);
    CHECK(squares.figures().leads + squares.figures().joins == 2 * per_runtime * turns);
    CHECK(squares.figures().joins > 0);
}
