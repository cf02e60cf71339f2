// tests/unit/runtime/blocking_pool.cpp: how many threads there are, when they come and go, and in which order jobs begin.
#include <weir/runtime/blocking_pool.hpp>

#include "support/forked.hpp"
#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <functional>
#include <latch>
#include <mutex>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// A job that calls a function and then says so.
class errand : public job {
public:
    explicit errand(std::function<void()> what = [] {})
        : job{[](job& self) noexcept {
              auto& me = static_cast<errand&>(self);
              me.what_();
              me.done_.store(true, release);
          }},
          what_{std::move(what)} {}
    bool done() const noexcept { return done_.load(acquire); }
    void wait() const noexcept {
        while (!done()) std::this_thread::yield();
    }

private:
    std::function<void()> what_;
    atomic<bool> done_{false};
};

template <class Condition>
void until(Condition holds) {
    while (!holds()) std::this_thread::yield(); // the watchdog ends this
}

blocking_options with_threads(unsigned threads) {
    blocking_options options;
    options.threads = threads;
    return options;
}

} // namespace

TEST_CASE("P1: there is no thread before the first job, and one more only when none is idle, up to the limit") {
    test::watchdog const watched{60};
    blocking_pool pool{with_threads(3)};
    CHECK(pool.counts().threads == 0);
    for (int n = 0; n < 100; ++n) {
        errand one;
        REQUIRE(!pool.offer(one));
        one.wait();
        until([&] { return pool.counts().idle == 1; });
    }
    CHECK(pool.counts().started == 1);

    std::latch out{1};
    std::atomic<int> inside{0};
    std::deque<errand> held;
    for (int n = 0; n < 5; ++n) {
        held.emplace_back([&] {
            ++inside;
            out.wait();
        });
        REQUIRE(!pool.offer(held.back()));
    }
    until([&] { return inside == 3; });
    CHECK(pool.counts().threads == 3);
    CHECK(pool.counts().queued == 2);
    out.count_down();
    for (auto const& each : held) each.wait();
    CHECK(pool.counts().started == 3);
}

TEST_CASE("P2: idle threads leave when their time is over, and the next job finds a new one") {
    test::watchdog const watched{60};
    auto options = with_threads(4);
    options.keep_alive = 5ms;
    blocking_pool pool{options};
    for (int n = 0; n < 3; ++n) {
        std::latch together{2};
        errand a{[&] { together.arrive_and_wait(); }}, b{[&] { together.arrive_and_wait(); }};
        REQUIRE(!pool.offer(a));
        REQUIRE(!pool.offer(b));
        a.wait();
        b.wait();
        until([&] { return pool.counts().threads == 0; });
    }
    CHECK(pool.counts().started == 6);
    CHECK(pool.counts().done == 6);
}

TEST_CASE("P3: when the system gives no thread, the job waits for one that exists, or its error comes at once") {
    auto const no_first = run_in_child([]() -> std::string {
        blocking_pool pool;
        refuse_system_call(SYS_clone3, EAGAIN);
        errand one;
        return pool.offer(one).message() + (one.done() ? " ran" : " never ran");
    });
    CHECK(no_first.words == system_error_code(EAGAIN).message() + " never ran");

    auto const no_second = run_in_child([]() -> std::string {
        blocking_pool pool;
        std::latch in{1}, out{1};
        errand first{[&] {
            in.count_down();
            out.wait();
        }};
        if (pool.offer(first)) return "refused";
        in.wait();
        refuse_system_call(SYS_clone3, EAGAIN);
        errand second;
        if (pool.offer(second)) return "the second was refused";
        if (pool.counts().threads != 1 || pool.counts().queued != 1) return "it does not wait";
        out.count_down();
        second.wait();
        return "ran";
    });
    CHECK(no_second.words == "ran");
}

TEST_CASE("P3: a stack that is too small is told to who offers the first job") {
    blocking_options options;
    options.stack_size = 1;
    blocking_pool pool{options};
    errand one;
    CHECK(pool.offer(one) == std::errc::invalid_argument);
    CHECK(pool.counts().threads == 0);
}

TEST_CASE("P6: threads that do not end in time are left over, and end what they stand on when they are done") {
    test::watchdog const watched{60};
    std::latch in{1}, out{1};
    errand slow{[&] {
        in.count_down();
        out.wait();
    }};
    errand queued;
    {
        blocking_pool pool{with_threads(1)};
        REQUIRE(!pool.offer(slow));
        in.wait();
        REQUIRE(!pool.offer(queued));
        CHECK(pool.shutdown(clock::now() + 10ms) == 1);
        CHECK(pool.closing());
        CHECK(queued.done()); // it was run by the shutdown, and could have seen closing()
        errand late;
        CHECK(pool.offer(late) == errc::shut_down); // P7
    }
    CHECK_FALSE(slow.done());
    out.count_down();
    slow.wait();
    std::this_thread::sleep_for(5ms); // a leak checker sees whether the rest was freed
}

TEST_CASE("P6: the shutdown waits for what runs, and joins") {
    test::watchdog const watched{60};
    for (int n = 0; n < 20; ++n) {
        std::deque<errand> jobs;
        {
            blocking_pool pool{with_threads(4)};
            for (int i = 0; i < 20; ++i) {
                jobs.emplace_back([] { std::this_thread::sleep_for(100us); });
                REQUIRE(!pool.offer(jobs.back()));
            }
        }
        for (auto const& each : jobs) CHECK(each.done());
    }
}

TEST_CASE("P11: a job wakes one thread at most, and none when one is coming anyway") {
    test::watchdog const watched{60};
    blocking_pool pool{with_threads(8)};
    std::latch together{8};
    std::deque<errand> first;
    for (int n = 0; n < 8; ++n) {
        first.emplace_back([&] { together.arrive_and_wait(); });
        REQUIRE(!pool.offer(first.back()));
    }
    for (auto const& each : first) each.wait();
    until([&] { return pool.counts().idle == 8; });
    auto const before = pool.counts().called;
    for (int n = 0; n < 50; ++n) {
        errand one;
        REQUIRE(!pool.offer(one));
        one.wait();
        until([&] { return pool.counts().idle == 8; });
    }
    CHECK(pool.counts().called - before == 50);
    CHECK(pool.counts().started == 8);
}

TEST_CASE("P11: nobody is called or started for a job while a thread is coming that has none") {
    blocking_roster roster{4, blocking_options::unlimited};
    errand first, second, third;
    REQUIRE(*roster.admit(first)); // a thread is wanted
    roster.has_started();
    REQUIRE(roster.take() == &first); // before the thread has come, another has taken the job
    CHECK_FALSE(*roster.admit(second));
    CHECK(*roster.admit(third)); // two jobs, one thread is coming: another is wanted
    CHECK(roster.has_not_started(third)); // there is one, so it waits
    blocking_roster::seat mine;
    job* work = nullptr;
    REQUIRE(roster.next(mine, 0s, work) == blocking_roster::summons::work);
    CHECK(work == &second);
    REQUIRE(roster.next(mine, 0s, work) == blocking_roster::summons::work);
    CHECK(work == &third);
    CHECK(roster.next(mine, 0s, work) == blocking_roster::summons::leave);
    CHECK(roster.counts().done == 2);
    CHECK(roster.counts().threads == 0);
}

TEST_CASE("P3: a job that counted on a thread which does not start goes to one that has become idle meanwhile") {
    test::watchdog const watched{60};
    blocking_roster roster{2, blocking_options::unlimited};
    std::latch out{1};
    errand first{[&] { out.wait(); }}, second, third;
    REQUIRE(*roster.admit(first));
    std::thread only{[&] {
        blocking_roster::seat mine;
        job* work = nullptr;
        while (roster.next(mine, duration::max(), work) == blocking_roster::summons::work) work->run();
    }};
    roster.has_started();
    until([&] { return roster.counts().queued == 0; });
    REQUIRE(*roster.admit(second)); // one more is being started
    out.count_down();
    second.wait();
    until([&] { return roster.counts().idle == 1; });
    CHECK_FALSE(*roster.admit(third)); // the one that is being started will see to it
    CHECK(roster.has_not_started(second)); // but does not come
    third.wait();
    roster.close();
    only.join();
}

TEST_CASE("P12: pool threads have the name and the stack that were asked for, and no signal of the process") {
    test::watchdog const watched{60};
    blocking_options options;
    options.name = "a-rather-long-name";
    options.stack_size = 1 << 20;
    blocking_pool pool{options};
    std::string name;
    std::size_t stack = 0;
    bool all_blocked = true, faults_open = true;
    errand look{[&] {
        char text[16];
        ::pthread_getname_np(::pthread_self(), text, sizeof text);
        name = text;
        pthread_attr_t how;
        ::pthread_getattr_np(::pthread_self(), &how);
        ::pthread_attr_getstacksize(&how, &stack);
        ::pthread_attr_destroy(&how);
        sigset_t blocked;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        for (int const one : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE, SIGALRM})
            all_blocked &= ::sigismember(&blocked, one) == 1;
        for (int const one : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) faults_open &= ::sigismember(&blocked, one) == 0;
    }};
    REQUIRE(!pool.offer(look));
    look.wait();
    CHECK(name == "a-rather-long-1");
    CHECK(stack == 1 << 20);
    CHECK(all_blocked);
    CHECK(faults_open);
    sigset_t here;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &here);
    CHECK(::sigismember(&here, SIGTERM) == 0); // the mask of who offered is as before
}

TEST_CASE("P13: jobs begin in the order in which they came, behind as many sleeping ones as there are threads") {
    test::watchdog const watched{120};
    constexpr unsigned threads = sanitized ? 64 : 512;
    auto options = with_threads(threads);
    options.stack_size = 256 * 1024;
    blocking_pool pool{options};
    std::latch out{1};
    std::atomic<unsigned> inside{0};
    std::deque<errand> sleeping;
    for (unsigned n = 0; n < threads; ++n) {
        sleeping.emplace_back([&] {
            ++inside;
            out.wait();
        });
        REQUIRE(!pool.offer(sleeping.back()));
    }
    until([&] { return inside == threads; });
    std::mutex lock;
    std::vector<int> order;
    std::deque<errand> waiting;
    for (int n = 0; n < 100; ++n) {
        waiting.emplace_back([&, n] {
            std::lock_guard const locked{lock};
            order.push_back(n);
        });
        REQUIRE(!pool.offer(waiting.back()));
    }
    CHECK(order.empty());
    CHECK(pool.counts().queued == 100);
    CHECK(pool.counts().threads == threads);
    out.count_down();
    for (auto const& each : waiting) each.wait();
    for (auto const& each : sleeping) each.wait();
    CHECK(order.size() == 100);
}

TEST_CASE("P13: with one thread the order of the beginnings is the order of the jobs, whatever is withdrawn between") {
    test::watchdog const watched{60};
    blocking_pool pool{with_threads(1)};
    std::latch out{1};
    errand plug{[&] { out.wait(); }};
    REQUIRE(!pool.offer(plug));
    std::vector<int> order;
    std::deque<errand> jobs;
    for (int n = 0; n < 20; ++n) {
        jobs.emplace_back([&, n] { order.push_back(n); });
        REQUIRE(!pool.offer(jobs.back()));
    }
    for (std::size_t const gone : {0u, 7u, 19u}) CHECK(pool.withdraw(jobs[gone]));
    CHECK_FALSE(pool.withdraw(jobs[7]));
    until([&] { return pool.counts().queued == 17; });
    out.count_down();
    jobs[18].wait();
    CHECK_FALSE(pool.withdraw(jobs[18]));
    CHECK(order == std::vector{1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18});
    CHECK_FALSE(jobs[7].done());
}

TEST_CASE("a job that shuts its own pool down is told so, and does not wait for itself") {
    auto const death = run_in_child([]() -> std::string {
        blocking_pool pool;
        errand foolish{[&] { pool.shutdown(); }};
        static_cast<void>(pool.offer(foolish));
        foolish.wait();
        return "survived";
    });
    CHECK(death.words.find("shut down by a job of its own") != std::string::npos);
}

TEST_CASE("the environment says how many threads there may be, and is told what it has said wrongly") {
    ::unsetenv("WEIR_BLOCKING_THREADS");
    CHECK(blocking_threads_from_environment(512) == 512);
    ::setenv("WEIR_BLOCKING_THREADS", "17", 1);
    CHECK(blocking_threads_from_environment(512) == 17);
    for (char const* const wrong : {"", "0", "-1", "12x", " 12", "65536", "99999999999999999999", "many"}) {
        ::setenv("WEIR_BLOCKING_THREADS", wrong, 1);
        std::string said;
        try {
            static_cast<void>(blocking_threads_from_environment(512));
        } catch (std::system_error const& error) {
            said = error.what();
        }
        CHECK(said.find("WEIR_BLOCKING_THREADS is \"" + std::string{wrong} + '"') == 0);
    }
    ::unsetenv("WEIR_BLOCKING_THREADS");
}
