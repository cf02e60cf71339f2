// tests/unit/io/blocking_op.cpp: what may stop its thread goes to the blocking executor and comes back by the mail, and a
// stop takes back what has not begun.
// On epoll, with an executor that runs what it was offered when the test says so; the driver is this thread's own.
#include "support/manual_executor.hpp"
#include "support/opponent.hpp"
#include "support/scale.hpp"
#include "support/sockets.hpp"
#include "support/started.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/stop.hpp>
#include <weir/coro/task.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/io/backend.hpp>
#include <weir/io/blocking_executor.hpp>
#include <weir/io/op/read_at.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

class shelf : public io::blocking_executor {
public:
    std::error_code offer(job& work) noexcept override {
        if (refuses) return refuses;
        ++offered;
        waiting_.push_back(&work);
        return {};
    }
    bool withdraw(job& work) noexcept override {
        ++withdrawn;
        return std::erase(waiting_, &work) > 0;
    }
    // What was offered first, on a thread of its own.
    void run_one() {
        job* const first = waiting_.front();
        waiting_.erase(waiting_.begin());
        std::thread{[first] { first->run(); }}.join();
    }
    std::size_t waiting() const { return waiting_.size(); }

    std::error_code refuses;
    int offered = 0;
    int withdrawn = 0;

private:
    std::vector<job*> waiting_;
};

// One thread that runs what it is offered as soon as it can.
class busy_thread : public io::blocking_executor {
public:
    busy_thread() : thread_{[this] { serve(); }} {}
    ~busy_thread() {
        ends_.store(true, release);
        thread_.join();
    }
    std::error_code offer(job& work) noexcept override {
        std::lock_guard const locked{lock_};
        waiting_.push_back(&work);
        return {};
    }
    bool withdraw(job& work) noexcept override {
        std::lock_guard const locked{lock_};
        return std::erase(waiting_, &work) > 0;
    }

private:
    void serve() {
        while (!ends_.load(acquire)) {
            job* next = nullptr;
            {
                std::lock_guard const locked{lock_};
                if (!waiting_.empty()) {
                    next = waiting_.front();
                    waiting_.erase(waiting_.begin());
                }
            }
            if (next) next->run();
            else std::this_thread::yield();
        }
    }
    std::mutex lock_;
    std::vector<job*> waiting_;
    atomic<bool> ends_{false};
    std::thread thread_;
};

// A driver and an executor of coroutines, both of this thread.
class bench {
public:
    explicit bench(io::blocking_executor* blocking) : with_shelf_{blocking} {}
    ~bench() { driver_->settle(); }

    context where(stop_source& stop) { return context{runs_}.with_stop(stop.token()); }
    void turn() {
        driver_->wait_until(time_point::min());
        runs_.run_all();
    }

private:
    static std::unique_ptr<io::driver> open() {
        std::string refusal;
        return io::open_driver(io::backend_choice::epoll, 64, refusal);
    }
    test::watchdog const watched_{20};
    manual_executor runs_;
    std::unique_ptr<io::driver> const driver_ = open();
    current_guard<io::driver> const with_driver_{driver_.get()};
    current_guard<io::blocking_executor> const with_shelf_;
};

io::fd file_of(std::string_view text) {
    io::fd made{::memfd_create("test", MFD_CLOEXEC)};
    REQUIRE(::write(made.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return made;
}

using read_result = result<std::size_t>;
task<read_result> read_some(io::fd_ref file, std::array<std::byte, 8>& into) {
    auto const got = co_await io::read_at(file, into, 2);
    co_return got;
}

} // namespace

TEST_CASE("a read of a file completes when the blocking executor has done it, and not before") {
    shelf blocking;
    bench here{&blocking};
    auto const file = file_of("0123456789");
    stop_source stop;
    std::array<std::byte, 8> into{};
    started reading{read_some(file.ref(), into), here.where(stop)};
    here.turn();
    CHECK(!reading.done());
    CHECK(into[0] == std::byte{});
    REQUIRE(blocking.waiting() == 1);
    blocking.run_one();
    CHECK(!reading.done()); // it waits for its own thread
    here.turn();
    REQUIRE(reading.done());
    auto const got = reading.take();
    REQUIRE(got.has_value());
    CHECK(*got == 8);
    CHECK(text_of(into) == "23456789");
    CHECK(blocking.withdrawn == 0);
}

TEST_CASE("a stop takes back a call that has not begun, and its buffer is untouched") {
    shelf blocking;
    bench here{&blocking};
    auto const file = file_of("0123456789");
    stop_source stop;
    std::array<std::byte, 8> into{};
    started reading{read_some(file.ref(), into), here.where(stop)};
    stop.request_stop(errc::timed_out);
    here.turn();
    REQUIRE(reading.done());
    CHECK(reading.take().error() == errc::timed_out);
    CHECK(blocking.waiting() == 0);
    CHECK(into[0] == std::byte{});
}

TEST_CASE("a stop from another thread is heard on the driver's") {
    shelf blocking;
    bench here{&blocking};
    auto const file = file_of("0123456789");
    stop_source stop;
    std::array<std::byte, 8> into{};
    started reading{read_some(file.ref(), into), here.where(stop)};
    std::thread{[&] { stop.request_stop(); }}.join();
    CHECK(blocking.withdrawn == 0); // which is no business of that thread
    here.turn();
    REQUIRE(reading.done());
    CHECK(reading.take().error() == errc::cancelled);
    CHECK(blocking.withdrawn == 1);
}

TEST_CASE("a stop waits for a call that has begun, which keeps what it brought") {
    shelf blocking;
    bench here{&blocking};
    bool const before_mail = GENERATE(false, true);
    auto const file = file_of("0123456789");
    stop_source stop;
    std::array<std::byte, 8> into{};
    started reading{read_some(file.ref(), into), here.where(stop)};
    if (before_mail) { // the mail of the stop is ahead of that of the call
        std::thread{[&] { stop.request_stop(); }}.join();
        blocking.run_one();
    } else {
        blocking.run_one();
        stop.request_stop();
    }
    here.turn();
    REQUIRE(reading.done());
    auto const got = reading.take();
    REQUIRE(got.has_value());
    CHECK(*got == 8);
    CHECK(blocking.withdrawn == 1);
}

TEST_CASE("what the blocking executor refuses ends with its reason, at once") {
    shelf blocking;
    bench here{&blocking};
    std::error_code const why = GENERATE(make_error_code(errc::overloaded), make_error_code(errc::shut_down),
                                         system_error_code(ENOMEM));
    blocking.refuses = why;
    auto const file = file_of("0123456789");
    stop_source stop;
    std::array<std::byte, 8> into{};
    started reading{read_some(file.ref(), into), here.where(stop)};
    REQUIRE(reading.done());
    CHECK(reading.take().error() == why);
    CHECK(into[0] == std::byte{});
}

TEST_CASE("a stop before the wait keeps the executor from being asked") {
    shelf blocking;
    bench here{&blocking};
    auto const file = file_of("0123456789");
    stop_source stop;
    stop.request_stop(errc::closed);
    std::array<std::byte, 8> into{};
    started reading{read_some(file.ref(), into), here.where(stop)};
    REQUIRE(reading.done());
    CHECK(reading.take().error() == errc::closed);
    CHECK(blocking.offered == 0);
}

TEST_CASE("without a blocking executor the call is made in place, and its task gives way at times") {
    bench here{nullptr};
    auto const file = file_of("0123456789");
    stop_source stop;
    int reads = 0;
    started reading{
        [](io::fd_ref from, int& count) -> task<bool> {
            std::array<std::byte, 8> into{};
            for (; count < 100; ++count) {
                auto const got = co_await io::read_at(from, into, 2);
                if (!got || *got != 8 || text_of(into) != "23456789") co_return false;
            }
            co_return true;
        }(file.ref(), reads),
        here.where(stop)};
    CHECK(reads > 0);
    CHECK(!reading.done());
    while (!reading.done()) here.turn();
    CHECK(reading.take());
}

TEST_CASE("a stop that meets the call in any instant gets the bytes, or leaves the buffer alone (thousands of races)") {
    busy_thread blocking;
    bench here{&blocking};
    auto const file = file_of("0123456789");
    stop_source* stop = nullptr;
    std::size_t delay = 0; // in pauses, of the stop: it seeks the instant in which the call is over
    opponent stopper{[&](std::size_t) {
        for (std::size_t n = 0; n < delay; ++n) weir::pause();
        stop->request_stop();
    }};
    std::size_t won = 0;
    std::size_t stopped = 0;
    bool whole = true;
    auto const race = [&](std::size_t number) {
        stop_source source;
        stop = &source;
        std::array<std::byte, 8> into{};
        stopper.begin(number);
        offset(number);
        started reading{read_some(file.ref(), into), here.where(source)};
        while (!reading.done()) here.turn();
        stopper.join(number);
        auto const got = reading.take();
        whole = whole && (got ? *got == 8 && text_of(into) == "23456789" : into == std::array<std::byte, 8>{});
        if (got) {
            ++won;
            delay -= delay / 8;
        } else {
            ++stopped;
            delay += 1 + delay / 8;
        }
    };
    std::size_t number = 0;
    for (std::size_t const races = scaled(5000); number < races; ++number) race(number);
    // Three threads on two processors: either side may win for long.
    using clock = std::chrono::steady_clock;
    for (auto const until = clock::now() + 10s; (won == 0 || stopped == 0) && clock::now() < until; ++number) race(number);
    CHECK(whole);
    CHECK(won > 0);
    CHECK(stopped > 0);
}
