// tests/unit/channel/unbounded_channel.cpp: sending never waits, and nobody sleeps while something is there.
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/channel/unbounded_channel.hpp>
#include <weir/coro/task.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

int code(errc error) { return -static_cast<int>(error); }

// A queue that can be told to have no memory, and to miss what lies in it a number of times.
class moody {
public:
    bool try_push(counted&& value) {
        if (full) return false;
        values_.push_back(std::move(value));
        return true;
    }
    std::optional<counted> try_pop() {
        if (misses > 0 && misses-- > 0) return std::nullopt;
        if (values_.empty()) return std::nullopt;
        std::optional<counted> value{std::move(values_.front())};
        values_.pop_front();
        return value;
    }
    inline static bool full = false;
    inline static int misses = 0;

private:
    std::deque<counted> values_;
};

template <class Channel>
task<> receives(Channel& from, std::vector<int>& seen) {
    auto const got = co_await from.recv();
    seen.push_back(got ? got->value : -got.error().value());
}

} // namespace

TEST_CASE("what is sent comes out in order, then the close", "[unbounded_channel]") {
    manual_executor runs;
    context const where{runs};
    unbounded_channel<counted> values;
    std::vector<int> seen;
    for (int n = 0; n < 100; ++n) CHECK(values.send(counted{n}));
    CHECK(values.size() == 100);
    CHECK(values.try_recv()->value == 0);
    values.close();
    CHECK(values.closed());
    counted late{5};
    CHECK_FALSE(values.send(std::move(late)));
    CHECK(late.value == 5);
    for (int n = 1; n < 100; ++n) started{receives(values, seen), where};
    for (int n = 1; n < 100; ++n) CHECK(seen[static_cast<std::size_t>(n - 1)] == n);
    started{receives(values, seen), where};
    CHECK(seen.back() == code(errc::closed));
    CHECK_FALSE(values.try_recv());
}

TEST_CASE("receivers who wait are served in the order of their coming, and woken outside of the send (T8)",
          "[unbounded_channel]") {
    manual_executor runs;
    context const where{runs};
    unbounded_channel<counted> values;
    std::vector<int> seen;
    started first{receives(values, seen), where};
    started second{receives(values, seen), where};
    CHECK(values.send(counted{1}));
    CHECK_FALSE(values.try_recv()); // it is the first's already
    CHECK(seen.empty());
    runs.run_all();
    CHECK(first.done());
    CHECK(seen == std::vector{1});
    CHECK(values.send(counted{2}));
    runs.run_all();
    CHECK(seen == std::vector{1, 2});
    CHECK(values.send(counted{3}));
    CHECK(values.try_recv()->value == 3); // nobody waits any more
}

TEST_CASE("a stopped receiver leaves its value to the next one; one that was promised a value gets it (T7)",
          "[unbounded_channel]") {
    manual_executor runs;
    stop_source stop;
    unbounded_channel<counted> values;
    std::vector<int> seen;
    {
        started leaves{receives(values, seen), context{runs}.with_stop(stop.token())};
        started stays{receives(values, seen), context{runs}};
        stop.request_stop();
        CHECK(values.send(counted{1}));
        runs.run_all();
        std::sort(seen.begin(), seen.end());
        CHECK(seen == std::vector{code(errc::cancelled), 1});
    }
    stop_source late;
    started promised{receives(values, seen), context{runs}.with_stop(late.token())};
    CHECK(values.send(counted{2}));
    late.request_stop();
    runs.run_all();
    CHECK(seen.back() == 2);
}

TEST_CASE("a close wakes all who wait, and comes after what was sent", "[unbounded_channel]") {
    manual_executor runs;
    context const where{runs};
    unbounded_channel<counted> values;
    std::vector<int> seen;
    started first{receives(values, seen), where};
    started second{receives(values, seen), where};
    started third{receives(values, seen), where};
    CHECK(values.send(counted{4}));
    values.close();
    CHECK(seen.empty());
    runs.run_all();
    CHECK(seen == std::vector{4, code(errc::closed), code(errc::closed)});
}

TEST_CASE("many are taken at once, after a wait too", "[unbounded_channel]") {
    manual_executor runs;
    context const where{runs};
    unbounded_channel<std::unique_ptr<int>> values;
    std::array<std::unique_ptr<int>, 3> out;
    auto const takes = [](auto& from, std::span<std::unique_ptr<int>> into) -> task<int> {
        auto const got = co_await from.recv_many(into);
        co_return got ? static_cast<int>(*got) : -got.error().value();
    };
    started waits{takes(values, out), where};
    for (int n = 0; n < 5; ++n) CHECK(values.send(std::make_unique<int>(n)));
    runs.run_all();
    CHECK(waits.take() == 3);
    CHECK(*out[0] == 0);
    CHECK(*out[2] == 2);
    started rest{takes(values, out), where};
    CHECK(rest.take() == 2);
    CHECK(*out[1] == 4);
    values.close();
    started none{takes(values, out), where};
    CHECK(none.take() == code(errc::closed));
}

TEST_CASE("a lane of one's own keeps its order beside others", "[unbounded_channel]") {
    unbounded_channel<counted> values;
    unbounded_channel<counted>::sender one{values};
    unbounded_channel<counted>::sender two{values};
    for (int n = 0; n < 100; ++n) {
        CHECK(one.send(counted{n}));
        CHECK(two.send(counted{1000 + n}));
    }
    std::array<int, 2> next{0, 1000};
    while (auto got = values.try_recv()) CHECK(got->value == next[got->value >= 1000]++);
    CHECK(next == std::array{100, 1100});
}

TEST_CASE("a send that finds no memory leaves the value with the caller, and a close that waited for it goes on",
          "[unbounded_channel]") {
    manual_executor runs;
    unbounded_channel<counted, moody> values;
    std::vector<int> seen;
    started waits{receives(values, seen), context{runs}};
    moody::full = true;
    counted kept{6};
    CHECK_FALSE(values.send(std::move(kept)));
    CHECK(kept.value == 6);
    CHECK(values.size() == 0);
    runs.run_all();
    CHECK(seen.empty());
    moody::full = false;
    CHECK(values.send(std::move(kept)));
    runs.run_all();
    CHECK(seen == std::vector{6});
}

TEST_CASE("a queue that misses what lies in it delays a receiver and does not put it to sleep (N2, N3)",
          "[unbounded_channel]") {
    manual_executor runs;
    unbounded_channel<counted, moody> values;
    std::vector<int> seen;
    CHECK(values.send(counted{1}));
    moody::misses = 3;
    started at_once{receives(values, seen), context{runs}};
    CHECK(seen == std::vector{1});
    started waits{receives(values, seen), context{runs}};
    CHECK(values.send(counted{2}));
    moody::misses = 3;
    runs.run_all();
    CHECK(seen == std::vector{1, 2});
    CHECK(values.send(counted{3}));
    moody::misses = 1;
    CHECK(values.try_recv()->value == 3);
}

TEST_CASE("random sends, receives, stops and a close keep every value once", "[unbounded_channel]") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        std::mt19937_64 random{seed};
        manual_executor runs{seed};
        std::vector<int> received;
        int sent = 0;
        std::deque<stop_source> stops;
        {
            unbounded_channel<counted> values;
            auto const one = [&]() -> task<> {
                auto const got = co_await values.recv();
                if (got) received.push_back(got->value);
            };
            std::deque<started<task<>>> all;
            for (int n = 0; n < 60; ++n) {
                switch (random() % 4) {
                    case 0: sent += values.send(counted{sent}); break;
                    case 1:
                    case 2:
                        stops.emplace_back();
                        all.emplace_back(one(), context{runs}.with_stop(stops.back().token()));
                        break;
                    default:
                        if (!stops.empty()) stops[random() % stops.size()].request_stop();
                        break;
                }
                if (n == 50) values.close();
                if (random() % 2) runs.run_one();
            }
            values.close();
            runs.run_all();
            for (auto& each : all) REQUIRE(each.done());
            while (auto rest = values.try_recv()) received.push_back(rest->value);
        }
        std::sort(received.begin(), received.end());
        REQUIRE(static_cast<int>(received.size()) == sent);
        for (int n = 0; n < sent; ++n) REQUIRE(received[static_cast<std::size_t>(n)] == n);
        REQUIRE(counted::alive == 0);
    }
}
