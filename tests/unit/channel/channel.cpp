// tests/unit/channel/channel.cpp: values come out once, in order, and who waits is neither overtaken nor forgotten.
#include "support/counted.hpp"
#include "support/counting_new.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/channel/channel.hpp>
#include <weir/coro/task.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

// What a wait gave, by its end: a value, or the error's code negated.
int code(errc error) { return -static_cast<int>(error); }

struct log_of {
    std::vector<int>& seen;

    task<> sends(channel<counted>& to, int value) {
        auto const sent = co_await to.send(counted{value});
        seen.push_back(sent ? value : -sent.error().value());
    }
    task<> receives(channel<counted>& from) {
        auto const got = co_await from.recv();
        seen.push_back(got ? got->value : -got.error().value());
    }
};

} // namespace

TEST_CASE("values come out in the order of their sending, around the ring", "[channel]") {
    channel<counted> values{3};
    CHECK(values.capacity() == 3);
    int next = 0;
    for (int n = 0; n < 10; n += 2) {
        CHECK(values.try_send(counted{n}));
        CHECK(values.try_send(counted{n + 1}));
        CHECK(values.size() == 2);
        for (int k = 0; k < 2; ++k) {
            auto const got = values.try_recv();
            REQUIRE(got);
            CHECK(got->value == next++);
        }
    }
    CHECK_FALSE(values.try_recv());
    CHECK(next == 10);
}

TEST_CASE("a full channel refuses, and the value stays with the caller (C2)", "[channel]") {
    channel<std::unique_ptr<int>> values{2};
    CHECK(values.try_send(std::make_unique<int>(1)));
    CHECK(values.try_send(std::make_unique<int>(2)));
    auto kept = std::make_unique<int>(3);
    CHECK_FALSE(values.try_send(std::move(kept)));
    REQUIRE(kept);
    CHECK(*kept == 3);
    CHECK_FALSE(values.try_reserve());
    values.close();
    CHECK_FALSE(values.try_send(std::move(kept)));
    CHECK(kept);
}

TEST_CASE("what was not received ends with the channel", "[channel]") {
    {
        channel<counted> values{4};
        for (int n = 0; n < 3; ++n) CHECK(values.try_send(counted{n}));
        CHECK(values.try_recv());
        CHECK(counted::alive == 2);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a sender who waits goes on when there is room, and is not overtaken (T8)", "[channel]") {
    manual_executor runs;
    context const where{runs};
    channel<counted> values{1};
    std::vector<int> seen;
    log_of log{seen};
    started first{log.sends(values, 1), where};
    CHECK(first.done());
    started second{log.sends(values, 2), where};
    started third{log.sends(values, 3), where};
    CHECK(seen == std::vector{1});
    auto got = values.try_recv();
    REQUIRE(got);
    CHECK(got->value == 1);
    CHECK(seen == std::vector{1});               // woken, but not inside the call
    CHECK_FALSE(values.try_send(counted{4})); // the room is the second's already
    runs.run_all();
    CHECK(seen == std::vector{1, 2});
    CHECK(values.try_recv()->value == 2);
    CHECK(values.try_recv()->value == 3);
    runs.run_all();
    CHECK(third.done());
    CHECK(counted::alive == 1); // `got`
}

TEST_CASE("receivers who wait are served in the order of their coming (T8)", "[channel]") {
    manual_executor runs;
    context const where{runs};
    channel<counted> values{4};
    std::vector<int> seen;
    log_of log{seen};
    started first{log.receives(values), where};
    started second{log.receives(values), where};
    CHECK(values.try_send(counted{1}));
    CHECK(values.try_send(counted{2}));
    CHECK(values.try_send(counted{3}));
    CHECK(values.size() == 1); // two are theirs already
    CHECK(seen.empty());       // woken, but not inside the call
    runs.run_all();
    CHECK(seen == std::vector{1, 2});
    CHECK(values.try_recv()->value == 3);
}

TEST_CASE("a cancelled receiver leaves its message for the next one (T7)", "[channel]") {
    manual_executor runs;
    stop_source stop;
    channel<counted> values{1};
    std::vector<int> seen;
    log_of log{seen};
    started leaves{log.receives(values), context{runs}.with_stop(stop.token())};
    started stays{log.receives(values), context{runs}};
    stop.request_stop();
    CHECK(values.try_send(counted{7}));
    runs.run_all();
    std::sort(seen.begin(), seen.end());
    CHECK(seen == std::vector{code(errc::cancelled), 7});
    CHECK(values.size() == 0);
}

TEST_CASE("a stop after a value was handed over comes too late, and the value is given (T7, C4)", "[channel]") {
    manual_executor runs;
    stop_source stop;
    channel<counted> values{1};
    std::vector<int> seen;
    log_of log{seen};
    started work{log.receives(values), context{runs}.with_stop(stop.token())};
    CHECK(values.try_send(counted{7}));
    stop.request_stop();
    runs.run_all();
    CHECK(seen == std::vector{7});
    CHECK(counted::alive == 0);
}

TEST_CASE("a cancelled sender drops its value, and those behind it move up (T7)", "[channel]") {
    manual_executor runs;
    stop_source stop;
    channel<counted> values{1};
    CHECK(values.try_send(counted{1}));
    std::vector<int> seen;
    log_of log{seen};
    {
        started leaves{log.sends(values, 2), context{runs}.with_stop(stop.token())};
        started stays{log.sends(values, 3), context{runs}};
        stop.request_stop();
        runs.run_all();
        CHECK(seen == std::vector{code(errc::cancelled)});
        CHECK(values.try_recv()->value == 1);
        runs.run_all();
        CHECK(seen == std::vector{code(errc::cancelled), 3});
        CHECK(values.try_recv()->value == 3);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a stop after a value was taken over comes too late, and the send says that it is sent (T7, C4)", "[channel]") {
    manual_executor runs;
    stop_source stop;
    channel<counted> values{1};
    CHECK(values.try_send(counted{1}));
    std::vector<int> seen;
    log_of log{seen};
    started work{log.sends(values, 2), context{runs}.with_stop(stop.token())};
    CHECK(values.try_recv()->value == 1);
    stop.request_stop();
    runs.run_all();
    CHECK(seen == std::vector{2});
    CHECK(values.try_recv()->value == 2);
}

TEST_CASE("a stop that was requested before takes nothing that would need a wait", "[channel]") {
    manual_executor runs;
    stop_source stop;
    stop.request_stop(errc::timed_out);
    context const stopped = context{runs}.with_stop(stop.token());
    channel<counted> values{1};
    std::vector<int> seen;
    log_of log{seen};
    started receives{log.receives(values), stopped};
    started sends{log.sends(values, 1), stopped}; // there is room, so it does not wait
    started waits{log.sends(values, 2), stopped};
    CHECK(seen == std::vector{code(errc::timed_out), 1, code(errc::timed_out)});
    CHECK(values.size() == 1);
}

TEST_CASE("close wakes both sides; what was sent before can still be received", "[channel]") {
    manual_executor runs;
    context const where{runs};
    channel<counted> full{1};
    channel<counted> empty{1};
    std::vector<int> seen;
    log_of log{seen};
    CHECK(full.try_send(counted{1}));
    started sender{log.sends(full, 2), where};
    started receiver{log.receives(empty), where};
    full.close();
    empty.close();
    CHECK(seen.empty()); // woken, but not inside the call
    runs.run_all();
    CHECK(seen == std::vector{code(errc::closed), code(errc::closed)});
    CHECK(full.closed());
    started late{log.sends(full, 3), where};
    started first{log.receives(full), where};
    started second{log.receives(full), where};
    full.close(); // once more changes nothing
    CHECK(seen == std::vector{code(errc::closed), code(errc::closed), code(errc::closed), 1, code(errc::closed)});
    CHECK(counted::alive == 0);
}

TEST_CASE("many values are taken at once, those of waiting senders included, and what waits is not forgotten (C1)",
          "[channel]") {
    manual_executor runs;
    context const where{runs};
    channel<std::unique_ptr<int>> values{2};
    auto const sends = [](channel<std::unique_ptr<int>>& to, int value) -> task<bool> {
        auto const sent = co_await to.send(std::make_unique<int>(value));
        co_return sent.has_value();
    };
    std::deque<started<task<bool>>> senders;
    for (int n = 0; n < 6; ++n) senders.emplace_back(sends(values, n), where);
    std::array<std::unique_ptr<int>, 5> out;
    using parcel = std::unique_ptr<int>;
    auto const takes = [](channel<parcel>& from, std::span<parcel> into) -> task<std::size_t> {
        auto const got = co_await from.recv_many(into);
        co_return got ? *got : 0;
    };
    started taken{takes(values, out), where};
    REQUIRE(taken.done());
    CHECK(taken.take() == 5);
    for (std::size_t n = 0; n < out.size(); ++n) CHECK(*out[n] == static_cast<int>(n));
    CHECK(values.size() == 1);
    runs.run_all();
    for (auto& one : senders) CHECK(one.take());
    values.close();
    started rest{takes(values, out), where};
    CHECK(rest.take() == 1);
    CHECK(*out[0] == 5);
    started none{takes(values, out), where};
    CHECK(none.take() == 0);
}

TEST_CASE("a recv_many that waited takes what has come meanwhile, and one that is stopped takes nothing (T7)",
          "[channel]") {
    manual_executor runs;
    stop_source stop;
    channel<int> values{4};
    std::array<int, 3> out{};
    auto const takes = [](channel<int>& from, std::span<int> into) -> task<int> {
        auto const got = co_await from.recv_many(into);
        co_return got ? static_cast<int>(*got) : -got.error().value();
    };
    {
        started taken{takes(values, out), context{runs}};
        for (int n = 1; n < 6; ++n) CHECK(values.try_send(int{n}));
        runs.run_all();
        CHECK(taken.take() == 3);
        CHECK(out == std::array{1, 2, 3});
        CHECK(values.try_recv() == 4);
        CHECK(values.try_recv() == 5);
    }
    {
        started stopped{takes(values, out), context{runs}.with_stop(stop.token())};
        stop.request_stop();
        CHECK(values.try_send(9));
        runs.run_all();
        CHECK(stopped.take() == code(errc::cancelled));
        CHECK(values.try_recv() == 9);
    }
}

TEST_CASE("waiting allocates nothing, on either side", "[channel]") {
    manual_executor runs;
    channel<int> values{1};
    int received = 0;
    auto const receives = [&]() -> task<> {
        for (;;) {
            auto const got = co_await values.recv();
            if (!got) co_return;
            ++received;
        }
    };
    auto const sends = [&]() -> task<> {
        for (int n = 0; n < 100; ++n) {
            auto const sent = co_await values.send(n);
            if (!sent) co_return;
        }
    };
    started receiver{receives(), context{runs}};
    CHECK(values.try_send(0)); // so that the executor has room for a job
    runs.run_all();
    started sender{sends(), context{runs}};
    auto const made = blocks_made_by([&] {
        while (runs.run_one()) {}
    });
    CHECK(received == 101);
    CHECK(made == 0);
    values.close();
    runs.run_all();
}

TEST_CASE("random sends, receives, places, stops and a close: each value that was sent comes out once, in order",
          "[channel]") {
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        std::mt19937_64 random{seed};
        manual_executor runs{seed};
        channel<counted> values{1 + random() % 3};
        std::vector<int> sent;
        std::vector<int> received;
        std::size_t refused = 0;
        std::deque<channel<counted>::place> places;
        std::deque<stop_source> stops;
        auto const sends = [&](int value) -> task<> {
            auto const result = co_await values.send(counted{value});
            if (result) sent.push_back(value);
            else ++refused;
        };
        auto const reserves = [&]() -> task<> {
            auto result = co_await values.reserve();
            if (result) places.push_back(*std::move(result));
        };
        auto const receives = [&]() -> task<> {
            auto const result = co_await values.recv();
            if (result) received.push_back(result->value);
        };
        {
            std::deque<started<task<>>> all;
            int next = 0;
            for (int n = 0; n < 60; ++n) {
                auto const where = [&] {
                    stops.emplace_back();
                    return context{runs}.with_stop(stops.back().token());
                };
                switch (random() % 7) {
                    case 0:
                    case 1: all.emplace_back(sends(next++), where()); break;
                    case 2: all.emplace_back(reserves(), where()); break;
                    case 3:
                    case 4: all.emplace_back(receives(), where()); break;
                    case 5:
                        if (!stops.empty()) stops[random() % stops.size()].request_stop();
                        break;
                    default:
                        if (places.empty()) break;
                        if (random() % 2) {
                            sent.push_back(next);
                            places.front().send(counted{next++});
                        }
                        places.pop_front();
                        break;
                }
                if (n == 50) values.close();
                if (random() % 2) runs.run_one();
                REQUIRE(values.size() <= values.capacity());
            }
            values.close();
            runs.run_all();
            places.clear();
            while (auto rest = values.try_recv()) received.push_back(rest->value);
            runs.run_all();
            for (auto& one : all) REQUIRE(one.done());
        }
        std::sort(sent.begin(), sent.end());
        std::sort(received.begin(), received.end()); // who resumes when is the executor's choice
        REQUIRE(received == sent);
        REQUIRE(counted::alive == 0);
    }
}
