// tests/unit/queue/blocking_queue.cpp: queues that are waited for: values, room, deadlines, and the end.
#include <weir/queue/blocking_queue.hpp>
#include <weir/queue/mpmc.hpp>

#include "support/counted.hpp"
#include "support/watchdog.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr auto never = steady_clock::time_point::max();
constexpr auto long_ago = steady_clock::time_point::min();

// Long enough that a thread has gone to sleep where it should; where it is not, nothing is proved, and nothing fails.
void let_others_sleep() { std::this_thread::sleep_for(10ms); }

// Without a bound, and refuses by a throw.
class throwing {
public:
    using value_type = int;
    bool try_push(int&& value) {
        if (value < 0) throw std::runtime_error("refused");
        return inner_.try_push(std::move(value));
    }
    bool try_push(int const& value) { return try_push(int{value}); }
    std::optional<int> try_pop() { return inner_.try_pop(); }
    std::size_t size_hint() const { return inner_.size_hint(); }

private:
    mpmc<int> inner_{4};
};

} // namespace

TEMPLATE_TEST_CASE("what needs not wait is passed through", "[blocking]", spsc<int>, mpmc<int>) {
    blocking_queue<TestType> queue{2};
    CHECK(queue.capacity() == 2);
    CHECK(queue.empty());
    CHECK_FALSE(queue.try_pop());
    int const copied = 1;
    CHECK(queue.try_push(copied));
    CHECK(queue.blocking_push(2));
    CHECK_FALSE(queue.try_push(3));
    CHECK(queue.size_hint() == 2);
    CHECK(queue.try_pop() == 1);
    CHECK(queue.blocking_pop() == 2);

    std::array in{4, 5, 6};
    CHECK(queue.try_push_n(in) == 2);
    std::array out{0, 0, 0};
    CHECK(queue.try_pop_n(out) == 2);
    CHECK((out[0] == 4 && out[1] == 5));
    CHECK(queue.try_pop_n(out) == 0);
    CHECK(queue.blocking_push_until(7, never));
    CHECK(queue.blocking_push_for(8, 1h));
    CHECK(queue.blocking_pop_n(out) == 2);
    CHECK((out[0] == 7 && out[1] == 8));
}

TEMPLATE_TEST_CASE("who is late looks once, and a refused value stays with the caller", "[blocking]",
                   spsc<std::unique_ptr<int>>, mpmc<std::unique_ptr<int>>) {
    test::watchdog const dog{20};
    blocking_queue<TestType> queue{1};
    std::array<std::unique_ptr<int>, 2> out;
    for (auto const deadline : {long_ago, steady_clock::time_point{}, steady_clock::now(), steady_clock::now() + 3ms}) {
        CHECK(queue.blocking_pop_until(deadline).error() == errc::timed_out);
        CHECK(queue.blocking_pop_n_until(out, deadline).error() == errc::timed_out);
        CHECK(queue.blocking_push_until(std::make_unique<int>(1), deadline)); // there is room, however late
        auto second = std::make_unique<int>(2);
        CHECK(queue.blocking_push_until(std::move(second), deadline).error() == errc::timed_out);
        REQUIRE(second);
        CHECK(*second == 2);
        auto got = queue.blocking_pop_until(deadline);
        REQUIRE(got);
        CHECK(**got == 1);
    }
    for (auto const span : {-1ms, 0ms, 3ms}) {
        CHECK(queue.blocking_pop_for(span).error() == errc::timed_out);
        CHECK(queue.blocking_pop_n_for(out, span).error() == errc::timed_out);
        CHECK(queue.blocking_push_for(std::make_unique<int>(1), span));
        CHECK(queue.blocking_push_for(std::make_unique<int>(2), span).error() == errc::timed_out);
        CHECK(queue.blocking_pop_n_for(out, span).value() == 1);
    }
}

TEST_CASE("a deadline is kept, and not before it comes", "[blocking]") {
    test::watchdog const dog{20};
    blocking_queue<mpmc<int>> queue{1};
    auto const deadline = steady_clock::now() + 15ms;
    CHECK(queue.blocking_pop_until(deadline).error() == errc::timed_out);
    CHECK(steady_clock::now() >= deadline);
}

TEMPLATE_TEST_CASE("who sleeps for a value or for room is woken by it", "[blocking]", spsc<int>, mpmc<int>) {
    test::watchdog const dog{20};
    blocking_queue<TestType> queue{1};
    for (auto const deadline : {never, steady_clock::now() + 1h, never - 1ns}) {
        int got = 0;
        std::thread consumer([&] { got = queue.blocking_pop_until(deadline).value_or(-1); });
        let_others_sleep();
        CHECK(queue.try_push(5));
        consumer.join();
        CHECK(got == 5);

        CHECK(queue.try_push(6));
        bool went = false;
        std::thread producer([&] { went = queue.blocking_push_until(7, deadline).has_value(); });
        let_others_sleep();
        CHECK(queue.try_pop() == 6);
        producer.join();
        CHECK(went);
        CHECK(queue.try_pop() == 7);
    }
}

TEST_CASE("a bulk push wakes as many as it has values for, and a bulk pop as many as it leaves room for", "[blocking]") {
    test::watchdog const dog{20};
    blocking_queue<mpmc<int>> queue{4};
    std::array<std::optional<int>, 3> got;
    {
        std::vector<std::jthread> consumers;
        for (auto& mine : got) consumers.emplace_back([&] { mine = queue.blocking_pop(); });
        let_others_sleep();
        std::array in{1, 2, 3};
        CHECK(queue.try_push_n(in) == 3);
    }
    CHECK(*got[0] + *got[1] + *got[2] == 6);

    std::array filling{0, 0, 0, 0};
    CHECK(queue.try_push_n(filling) == 4);
    {
        std::vector<std::jthread> producers;
        for (int n = 0; n < 3; ++n) producers.emplace_back([&queue] { queue.blocking_push(2); });
        let_others_sleep();
        CHECK(queue.blocking_pop_n(filling) == 4);
    }
    CHECK(queue.size_hint() == 3);
}

TEST_CASE("a bulk pop waits for one value and not for more", "[blocking]") {
    test::watchdog const dog{20};
    blocking_queue<spsc<int>> queue{8};
    std::array<int, 4> out{};
    std::size_t count = 0;
    std::thread consumer([&] { count = queue.blocking_pop_n(out); });
    let_others_sleep();
    queue.try_push(9);
    consumer.join();
    CHECK(count == 1);
    CHECK(out[0] == 9);
}

TEMPLATE_TEST_CASE("a closed queue refuses values and gives what is left before it tells the end", "[blocking]",
                   spsc<std::unique_ptr<int>>, mpmc<std::unique_ptr<int>>) {
    test::watchdog const dog{20};
    blocking_queue<TestType> queue{8};
    for (int n = 0; n < 4; ++n) queue.try_push(std::make_unique<int>(n));
    CHECK_FALSE(queue.closed());
    queue.close();
    queue.close();
    CHECK(queue.closed());

    auto late = std::make_unique<int>(9);
    CHECK_FALSE(queue.try_push(std::move(late)));
    CHECK_FALSE(queue.blocking_push(std::move(late)));
    CHECK(queue.blocking_push_until(std::move(late), never).error() == errc::closed);
    CHECK(queue.blocking_push_until(std::move(late), long_ago).error() == errc::closed);
    CHECK(queue.blocking_push_for(std::move(late), 1h).error() == errc::closed);
    CHECK(queue.try_push_n(std::span{&late, 1}) == 0);
    REQUIRE(late);
    CHECK(*late == 9);

    CHECK(**queue.blocking_pop() == 0);
    CHECK(**queue.blocking_pop_until(long_ago) == 1);
    std::array<std::unique_ptr<int>, 4> out;
    CHECK(queue.blocking_pop_n(out) == 2);
    CHECK(*out[1] == 3);

    CHECK_FALSE(queue.try_pop());
    CHECK_FALSE(queue.blocking_pop());
    CHECK(queue.blocking_pop_n(out) == 0);
    CHECK(queue.blocking_pop_until(never).error() == errc::closed);
    CHECK(queue.blocking_pop_until(long_ago).error() == errc::closed);
    CHECK(queue.blocking_pop_n_for(out, 1h).error() == errc::closed);
}

TEST_CASE("closing wakes all who wait for a value, and all who wait for room", "[blocking]") {
    test::watchdog const dog{20};
    blocking_queue<mpmc<int>> empty{1}, full{1};
    full.try_push(0);
    std::array<bool, 3> popped{true, true, true}, pushed{true, true, true};
    {
        std::vector<std::jthread> threads;
        for (std::size_t n = 0; n < 3; ++n) {
            threads.emplace_back([&, n] { popped[n] = empty.blocking_pop().has_value(); });
            threads.emplace_back([&, n] { pushed[n] = full.blocking_push(1); });
        }
        let_others_sleep();
        empty.close();
        full.close();
    }
    CHECK_FALSE((popped[0] || popped[1] || popped[2]));
    CHECK_FALSE((pushed[0] || pushed[1] || pushed[2]));
    CHECK(full.blocking_pop() == 0);
}

TEST_CASE("a push that throws is over, so the end is told behind it", "[blocking]") {
    test::watchdog const dog{20};
    blocking_queue<throwing> queue;
    CHECK_THROWS(queue.try_push(-1));
    CHECK(queue.try_push(1));
    queue.close();
    CHECK(queue.blocking_pop() == 1);
    CHECK_FALSE(queue.blocking_pop());
}

TEST_CASE("values that nobody took end with the queue", "[blocking]") {
    {
        blocking_queue<mpmc<test::counted>> queue{4};
        for (int n = 0; n < 3; ++n) CHECK(queue.try_push(test::counted{n}));
        CHECK(queue.blocking_pop()->value == 0);
        queue.close();
        CHECK(test::counted::alive == 2);
    }
    CHECK(test::counted::alive == 0);
}
