// tests/unit/channel/broadcast.cpp: every receiver sees every value, or how many it has missed.
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/channel/broadcast.hpp>
#include <weir/coro/task.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

int code(errc error) { return -static_cast<int>(error); }

task<> receives(broadcast<int>::receiver& from, std::vector<int>& seen) {
    auto const got = co_await from.recv();
    seen.push_back(got ? *got : -got.error().value());
}

} // namespace

TEST_CASE("every receiver sees what is sent after it subscribed, in order", "[broadcast]") {
    broadcast<int> news{4};
    CHECK(news.send(1) == 0); // nobody listens
    auto first = news.subscribe();
    CHECK(news.send(2) == 1);
    auto second = news.subscribe();
    CHECK(news.receivers() == 2);
    CHECK(news.send(3) == 2);
    CHECK(first.try_recv() == 2);
    CHECK(first.try_recv() == 3);
    CHECK_FALSE(first.try_recv());
    CHECK(second.try_recv() == 3);
    CHECK_FALSE(second.try_recv());
    second = {};
    CHECK(news.receivers() == 1);
}

TEST_CASE("who waits is woken by a send, all of them, outside of the call", "[broadcast]") {
    manual_executor runs;
    context const where{runs};
    broadcast<int> news{4};
    auto a = news.subscribe();
    auto b = news.subscribe();
    std::vector<int> seen;
    started first{receives(a, seen), where};
    started second{receives(b, seen), where};
    CHECK(news.send(7) == 2);
    CHECK(seen.empty());
    runs.run_all();
    CHECK(seen == std::vector{7, 7});
}

TEST_CASE("a laggard is told how many it missed, once, and goes on with the oldest that is left (R3)", "[broadcast]") {
    manual_executor runs;
    context const where{runs};
    broadcast<int> news{3}; // kept: 4
    CHECK(news.capacity() == 4);
    auto slow = news.subscribe();
    auto quick = news.subscribe();
    std::vector<int> seen;
    for (int n = 0; n < 4; ++n) news.send(n);
    CHECK(quick.try_recv() == 0);
    for (int n = 4; n < 7; ++n) news.send(n);
    for (int n = 0; n < 5; ++n) started{receives(slow, seen), where};
    CHECK(seen == std::vector{code(errc::overloaded), 3, 4, 5, 6});
    CHECK(slow.missed() == 3);
    CHECK(quick.try_recv() == 3); // without a word, but counted
    CHECK(quick.missed() == 2);
}

TEST_CASE("a receiver who was woken late finds that it has missed some", "[broadcast]") {
    manual_executor runs;
    broadcast<int> news{2};
    auto slow = news.subscribe();
    std::vector<int> seen;
    {
        started waits{receives(slow, seen), context{runs}};
        for (int n = 0; n < 5; ++n) news.send(n);
        runs.run_all();
    }
    CHECK(seen == std::vector{code(errc::overloaded)});
    CHECK(slow.missed() == 3);
    CHECK(slow.try_recv() == 3);
}

TEST_CASE("after a close receivers get what is left, then the close", "[broadcast]") {
    manual_executor runs;
    context const where{runs};
    broadcast<int> news{2};
    auto behind = news.subscribe();
    news.send(1);
    auto waiting = news.subscribe();
    std::vector<int> seen;
    started waits{receives(waiting, seen), where};
    news.close();
    CHECK(seen.empty());
    runs.run_all();
    started first{receives(behind, seen), where};
    started second{receives(behind, seen), where};
    CHECK(seen == std::vector{code(errc::closed), 1, code(errc::closed)});
}

TEST_CASE("a stopped receive has seen nothing: the next one gives the value (T7)", "[broadcast]") {
    manual_executor runs;
    stop_source stop;
    broadcast<int> news{2};
    auto one = news.subscribe();
    std::vector<int> seen;
    {
        started waits{receives(one, seen), context{runs}.with_stop(stop.token())};
        stop.request_stop();
        news.send(5);
        runs.run_all();
    }
    CHECK(seen == std::vector{code(errc::cancelled)});
    CHECK(one.try_recv() == 5);
}

TEST_CASE("values are shared, and end when they are overwritten or with the broadcast (R1)", "[broadcast]") {
    {
        broadcast<std::shared_ptr<counted const>> news{2};
        auto one = news.subscribe();
        for (int n = 0; n < 5; ++n) {
            news.send(std::make_shared<counted const>(n));
            CHECK(counted::alive == std::min(n + 1, 2));
        }
        auto const kept = one.try_recv();
        REQUIRE(kept);
        CHECK((*kept)->value == 3);
        one = {};
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a receiver moves with its position", "[broadcast]") {
    broadcast<int> news{4};
    auto one = news.subscribe();
    news.send(1);
    news.send(2);
    CHECK(one.try_recv() == 1);
    auto other = std::move(one);
    CHECK(other.try_recv() == 2);
    CHECK(news.receivers() == 1);
    other = news.subscribe();
    CHECK(news.receivers() == 1);
    CHECK_FALSE(other.try_recv());
}

TEST_CASE("random speeds: what each receiver saw and what it missed add up to what was sent", "[broadcast]") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        std::mt19937_64 random{seed};
        manual_executor runs{seed};
        broadcast<int> news{1 + random() % 8};
        struct listener {
            broadcast<int>::receiver from;
            std::uint64_t seen = 0;
            std::uint64_t gaps = 0;
            int last = -1;
            bool in_order = true;
            bool waits = false;
        };
        std::deque<listener> listeners;
        for (int n = 0; n < 3; ++n) listeners.push_back({news.subscribe()});
        auto const takes = [](listener& one) -> task<> {
            one.waits = true;
            auto const got = co_await one.from.recv();
            one.waits = false;
            if (got) {
                ++one.seen;
                one.in_order = one.in_order && *got == one.last + 1 + static_cast<int>(one.gaps);
                one.last = *got;
                one.gaps = 0;
            } else if (got.error() == errc::overloaded) {
                one.gaps = one.from.missed() - (static_cast<std::uint64_t>(one.last + 1) - one.seen);
            }
        };
        std::deque<started<task<>>> all;
        int sent = 0;
        for (int n = 0; n < 80; ++n) {
            if (random() % 2) {
                news.send(sent++);
            } else {
                auto& one = listeners[random() % listeners.size()];
                if (!one.waits) all.emplace_back(takes(one), context{runs});
            }
            if (random() % 3 == 0) runs.run_one();
        }
        news.close();
        runs.run_all();
        for (auto& one : listeners) {
            while (one.from.try_recv()) ++one.seen;
            REQUIRE(one.in_order);
            REQUIRE(one.seen + one.from.missed() == static_cast<std::uint64_t>(sent));
        }
        for (auto& one : all) REQUIRE(one.done());
    }
}
