// tests/unit/channel/chunks.cpp: elements come in chunks, by number, weight or time, and none is lost or had twice.
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/channel/broadcast.hpp>
#include <weir/channel/channel.hpp>
#include <weir/channel/chunks.hpp>
#include <weir/coro/async_generator.hpp>
#include <weir/coro/generator.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

using numbers = std::vector<int>;
using numbers_each = std::vector<numbers>;

// What a chunk held, or an error as one negative number.
template <class Chunks>
task<numbers> one_of(Chunks& from) {
    auto got = co_await from.recv();
    if (!got) co_return numbers{-got.error().value()};
    co_return *std::move(got);
}
numbers only(errc error) { return {-static_cast<int>(error)}; }

template <class Chunks>
task<numbers_each> every_one_of(Chunks from) {
    numbers_each all;
    do all.push_back(co_await one_of(from));
    while (all.back() != only(errc::closed));
    all.pop_back();
    co_return all;
}

void send(channel<int>& to, numbers const& values) {
    for (int const n : values) REQUIRE(to.try_send(int{n}));
}

// A consumer that waits for one chunk at a time, on a time of the test's own.
template <class Chunks>
class consumer {
public:
    explicit consumer(Chunks& from) : from_{from} {}
    // Begins to wait for the next.
    void ask(stop_token stop = {}) { asked_.emplace(one_of(from_), context{runs_}.with_stop(stop)); }
    bool waits() {
        runs_.run_all();
        return !asked_->done();
    }
    bool waits_after(duration length) {
        time_.advance_by(length, runs_);
        return !asked_->done();
    }
    bool waits_at(time_point at) {
        time_.advance_to(at, runs_);
        return !asked_->done();
    }
    numbers got() {
        runs_.run_all();
        REQUIRE(asked_->done());
        return asked_->take();
    }
    std::size_t timers() { return time_.wheel().size(); }
    // Without a turn of the executor.
    void let_time_pass(duration length) { time_.wheel().advance(time_.now() + length); }

private:
    Chunks& from_;
    virtual_wheel time_;
    manual_executor runs_;
    std::optional<started<task<numbers>>> asked_;
};

// Weighs what it says.
std::size_t itself(int element) noexcept { return static_cast<std::size_t>(element); }
auto heavy(std::size_t most) { return weight_limit{most, &itself}; }

generator<int> up_to(int last) {
    for (int n = 1; n <= last; ++n) co_yield int{n};
}
async_generator<int> up_to_with_waits(int last) {
    for (int n = 1; n <= last; ++n) {
        co_await yield();
        co_yield int{n};
    }
}

} // namespace

TEST_CASE("a source comes in chunks of the same number, and what is left at the end", "[chunks]") {
    channel<int> jobs{8};
    send(jobs, {1, 2, 3, 4, 5, 6, 7});
    jobs.close();
    numbers_each const by_three{{1, 2, 3}, {4, 5, 6}, {7}};
    CHECK(sync_wait(every_one_of(chunks{jobs, 3})) == by_three);
    CHECK(sync_wait(every_one_of(chunks{up_to(7), 3})) == by_three);
    CHECK(sync_wait(every_one_of(chunks{up_to_with_waits(7), 3})) == by_three);
    auto named = up_to_with_waits(7);
    CHECK(sync_wait(every_one_of(chunks{named, 3})) == by_three);
}

TEST_CASE("no chunk is empty: a source without elements ends at once, and stays ended", "[chunks]") {
    auto none = chunks{up_to(0), 3};
    CHECK(sync_wait(one_of(none)) == only(errc::closed));
    CHECK(sync_wait(one_of(none)) == only(errc::closed));
    auto even = chunks{up_to(4), 2}; // the last chunk is full: nothing was known of the end
    CHECK(sync_wait(every_one_of(std::move(even))) == numbers_each{{1, 2}, {3, 4}});
}

TEST_CASE("a full chunk is given without a look at what comes next", "[chunks]") {
    int asked = 0;
    auto const counts = [](int& at) -> async_generator<int> {
        for (;;) co_yield int{++at};
    };
    auto pairs = chunks{counts(asked), 2};
    CHECK(sync_wait(one_of(pairs)) == numbers{1, 2});
    CHECK(asked == 2);
}

TEST_CASE("a chunk ends before it would be too heavy, and a single heavy element is one (H2)", "[chunks]") {
    numbers const weights{3, 3, 5, 9, 1, 6, 1, 8, 7};
    numbers_each const expected{{3, 3}, {5}, {9}, {1, 6}, {1}, {8}, {7}};
    CHECK(sync_wait(every_one_of(chunks{weights, 10, heavy(7)})) == expected);
    numbers_each const at_most_two{{3, 3}, {5, 9}, {1, 6}, {1, 8}, {7}};
    CHECK(sync_wait(every_one_of(chunks{weights, 2, heavy(100)})) == at_most_two);
}

TEST_CASE("a chunk of just the weight is given without waiting for more", "[chunks]") {
    channel<int> jobs{4};
    send(jobs, {3, 4});
    auto by_seven = chunks{jobs, 10, heavy(7)};
    consumer waits{by_seven};
    waits.ask();
    CHECK(waits.got() == numbers{3, 4});
}

TEST_CASE("bytes are counted where nothing else is said", "[chunks]") {
    std::vector<std::string> const words{"abc", "de", "fghi", "j"};
    auto by_bytes = chunks{words, 10, weight_limit{5}};
    auto const sizes = [&]() -> task<std::vector<std::size_t>> {
        std::vector<std::size_t> got;
        for (int n = 0; n < 2; ++n) {
            auto const some = co_await by_bytes.recv();
            got.push_back(some->size());
        }
        co_return got;
    };
    CHECK(sync_wait(sizes()) == std::vector<std::size_t>{2, 2});
}

TEST_CASE("the linger begins with the first element, not with the wait for it", "[chunks]") {
    channel<int> jobs{4};
    auto some = chunks{jobs, 3, 1h};
    consumer waits{some};
    waits.ask();
    CHECK(waits.waits());
    CHECK(waits.timers() == 0);
    send(jobs, {1});
    CHECK(waits.waits());
    CHECK(waits.timers() == 1);
    CHECK(waits.waits_after(59min));
    send(jobs, {2});
    CHECK(waits.waits()); // and a second one does not prolong it
    CHECK_FALSE(waits.waits_after(2min));
    CHECK(waits.got() == numbers{1, 2});
    CHECK(waits.timers() == 0);
}

TEST_CASE("a chunk that is full before its time leaves no timer", "[chunks]") {
    channel<int> jobs{4};
    auto some = chunks{jobs, 2, 1h};
    consumer waits{some};
    waits.ask();
    send(jobs, {1});
    CHECK(waits.waits());
    send(jobs, {2});
    CHECK(waits.got() == numbers{1, 2});
    CHECK(waits.timers() == 0);
}

TEST_CASE("an element that comes in the instant in which the time is over is in this chunk or the next (T3)",
          "[chunks]") {
    for (bool const element_first : {true, false}) {
        channel<int> jobs{4};
        auto some = chunks{jobs, 3, 1h};
        consumer waits{some};
        send(jobs, {1});
        waits.ask();
        CHECK(waits.waits());
        if (element_first) send(jobs, {2});
        waits.let_time_pass(2h);
        if (!element_first) send(jobs, {2});
        if (element_first) {
            CHECK(waits.got() == numbers{1, 2});
        } else {
            CHECK(waits.got() == numbers{1});
            jobs.close();
            waits.ask();
            CHECK(waits.got() == numbers{2});
        }
    }
}

TEST_CASE("the time of an element that was too heavy for a chunk runs while that is used", "[chunks]") {
    channel<int> jobs{4};
    send(jobs, {5, 4});
    auto some = chunks{jobs, 3, heavy(7), 1h};
    consumer waits{some};
    waits.ask();
    CHECK(waits.got() == numbers{5});
    CHECK(waits.timers() == 0);
    time_point const had = clock::now(); // and by then the other had come
    std::this_thread::sleep_for(20ms);
    waits.ask();
    CHECK(waits.waits());
    CHECK_FALSE(waits.waits_at(had + 1h + 1ms));
    CHECK(waits.got() == numbers{4});
}

TEST_CASE("a stop gives what a chunk has so far; where that is nothing, its reason, and the source keeps all (T7)",
          "[chunks]") {
    for (bool const timed : {false, true}) {
        channel<int> jobs{4};
        auto some = timed ? chunks{jobs, 3, 1h} : chunks{jobs, 3};
        consumer waits{some};
        {
            stop_source stop;
            waits.ask(stop.token());
            CHECK(waits.waits());
            send(jobs, {1});
            CHECK(waits.waits());
            stop.request_stop(errc::shut_down);
            send(jobs, {2});
            CHECK(waits.got() == numbers{1});
            waits.ask(stop.token()); // what is there may be had, under a stop as well
            CHECK(waits.got() == numbers{2});
            waits.ask(stop.token());
            CHECK(waits.got() == only(errc::shut_down));
        }
        waits.ask();
        send(jobs, {3, 4, 5});
        CHECK(waits.got() == numbers{3, 4, 5}); // the stop is not remembered
        CHECK(waits.timers() == 0);
    }
}

TEST_CASE("a timeout from outside ends a chunk as the linger does", "[chunks]") {
    channel<int> jobs{4};
    send(jobs, {1, 2});
    auto some = chunks{jobs, 3};
    virtual_wheel time;
    manual_executor runs;
    auto const asks = [&]() -> task<numbers> {
        auto const got = co_await timeout(some.recv(), 1h);
        co_return *got;
    };
    started asking{asks(), context{runs}};
    time.advance_by(2h, runs);
    REQUIRE(asking.done());
    CHECK(asking.take() == numbers{1, 2});
}

TEST_CASE("what a source says in the middle of a chunk comes after it, once (H4)", "[chunks]") {
    broadcast<int> news{2};
    auto some = chunks{news.subscribe(), 3};
    consumer waits{some};
    waits.ask();
    news.send(1);
    CHECK(waits.waits());
    for (int n = 2; n <= 5; ++n) news.send(n);
    CHECK(waits.got() == numbers{1}); // 2 and 3 were overwritten meanwhile
    waits.ask();
    CHECK(waits.got() == only(errc::overloaded));
    waits.ask();
    CHECK(waits.waits());
    news.close();
    CHECK(waits.got() == numbers{4, 5});
    waits.ask();
    CHECK(waits.got() == only(errc::closed));
}

TEST_CASE("what a generator throws comes after what it gave, once, and then its end (H4)", "[chunks]") {
    auto const throws = [](int after) -> async_generator<int> {
        for (int n = 1; n <= after; ++n) co_yield int{n};
        co_await yield();
        throw std::runtime_error("here");
    };
    for (int const after : {0, 1, 2, 3}) {
        auto pairs = chunks{throws(after), 2};
        std::string seen;
        auto const look = [&]() -> task<> {
            for (int n = 0; n < 4; ++n) {
                try {
                    auto const some = co_await pairs.recv();
                    seen += some ? static_cast<char>('0' + some->size()) : 'e';
                } catch (std::runtime_error const&) {
                    seen += 't';
                }
            }
        };
        sync_wait(look());
        CHECK(seen == std::vector<std::string>{"teee", "1tee", "2tee", "21te"}[static_cast<std::size_t>(after)]);
    }
}

TEST_CASE("ready chunks wait for one element and take what is there, up to the number, without a timer", "[chunks]") {
    channel<int> jobs{8};
    manual_executor runs; // and no wheel
    auto some = ready_chunks(jobs, 3);
    started first{one_of(some), context{runs}};
    runs.run_all();
    CHECK_FALSE(first.done());
    send(jobs, {1, 2});
    runs.run_all();
    REQUIRE(first.done());
    CHECK(first.take() == numbers{1, 2});
    send(jobs, {3, 4, 5, 6});
    started second{one_of(some), context{runs}};
    started third{one_of(some), context{runs}};
    REQUIRE(third.done());
    CHECK(second.take() == numbers{3, 4, 5});
    CHECK(third.take() == numbers{6});
    jobs.close();
    started last{one_of(some), context{runs}};
    REQUIRE(last.done());
    CHECK(last.take() == only(errc::closed));
}

TEST_CASE("a ready chunk is not stopped by the haste in which it is filled", "[chunks]") {
    channel<int> jobs{8};
    send(jobs, {1});
    manual_executor runs;
    auto some = ready_chunks(jobs, 3);
    auto const asks_twice = [&]() -> task<numbers> {
        static_cast<void>(co_await some.recv());
        co_return co_await one_of(some);
    };
    started asking{asks_twice(), context{runs}};
    runs.run_all();
    CHECK_FALSE(asking.done()); // the second waits
    send(jobs, {2});
    runs.run_all();
    REQUIRE(asking.done());
    CHECK(asking.take() == numbers{2});
}

TEST_CASE("chunks are a source of chunks", "[chunks]") {
    auto pairs_of_pairs = chunks{chunks{up_to(5), 2}, 2};
    auto const look = [&]() -> task<std::vector<numbers_each>> {
        std::vector<numbers_each> all;
        for (auto some = co_await pairs_of_pairs.recv(); some; some = co_await pairs_of_pairs.recv())
            all.push_back(*std::move(some));
        co_return all;
    };
    CHECK(sync_wait(look()) == std::vector<numbers_each>{{{1, 2}, {3, 4}}, {{5}}});
}

TEST_CASE("elements that only move pass, and end with the chunks when nobody takes them (H1)", "[chunks]") {
    channel<counted> jobs{8};
    for (int n = 1; n <= 6; ++n) REQUIRE(jobs.try_send(counted{n}));
    {
        auto const weighs = [](counted const& one) noexcept { return static_cast<std::size_t>(one.value); };
        auto some = chunks{jobs, 10, weight_limit{4, weighs}};
        auto const first = [&]() -> task<std::size_t> {
            auto const got = co_await some.recv();
            co_return got->size();
        };
        CHECK(sync_wait(first()) == 2); // 1 and 2; 3 is carried
        CHECK(jobs.size() == 3);
        CHECK(counted::alive == 4);
    }
    CHECK(counted::alive == 3);
    while (jobs.try_recv()) {}
    CHECK(counted::alive == 0);
}

TEST_CASE("chunks that were not asked begin nothing, and a wait that never began takes nothing", "[chunks]") {
    channel<int> jobs{2};
    send(jobs, {1});
    auto some = chunks{jobs, 1};
    { auto const dropped = some.recv(); }
    CHECK(jobs.size() == 1);
    auto moved = std::move(some);
    CHECK(sync_wait(one_of(moved)) == numbers{1});
}
