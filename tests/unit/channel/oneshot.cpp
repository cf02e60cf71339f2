// tests/unit/channel/oneshot.cpp: one value, once, and each half learns of the other's end.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/base/platform.hpp>
#include <weir/channel/oneshot.hpp>
#include <weir/coro/task.hpp>

#include <catch2/catch_test_macros.hpp>

#include <optional>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

int code(errc error) { return -static_cast<int>(error); }

task<> receives(oneshot_receiver<counted>& from, std::vector<int>& seen) {
    auto const got = co_await from.recv();
    seen.push_back(got ? got->value : -got.error().value());
}
task<> awaits_close(oneshot_sender<counted>& of, std::vector<int>& seen) {
    auto const closed = co_await of.closed();
    seen.push_back(closed ? 1 : -closed.error().value());
}

} // namespace

TEST_CASE("a value sent before the receive is there, and once only", "[oneshot]") {
    manual_executor runs;
    {
        auto [sender, receiver] = oneshot<counted>();
        CHECK_FALSE(receiver.try_recv());
        CHECK(sender.send(counted{3}));
        CHECK_FALSE(sender); // used up
        CHECK(sender.is_closed());
        std::vector<int> seen;
        started first{receives(receiver, seen), context{runs}};
        started second{receives(receiver, seen), context{runs}};
        CHECK(seen == std::vector{3, code(errc::closed)});
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a receiver who waits is woken by the send, outside of the call", "[oneshot]") {
    manual_executor runs;
    auto [sender, receiver] = oneshot<counted>();
    std::vector<int> seen;
    started waits{receives(receiver, seen), context{runs}};
    CHECK(sender.send(counted{4}));
    CHECK(seen.empty());
    runs.run_all();
    CHECK(seen == std::vector{4});
}

TEST_CASE("a sender that dies without sending tells the receiver, waiting or not", "[oneshot]") {
    manual_executor runs;
    std::vector<int> seen;
    std::optional halves{oneshot<counted>()};
    auto receiver = std::move(halves->second);
    started waits{receives(receiver, seen), context{runs}};
    halves.reset();
    runs.run_all();
    started late{receives(receiver, seen), context{runs}};
    CHECK(seen == std::vector{code(errc::closed), code(errc::closed)});
}

TEST_CASE("a sender learns when nobody listens, and keeps its value", "[oneshot]") {
    manual_executor runs;
    auto [sender, receiver] = oneshot<counted>();
    std::vector<int> seen;
    CHECK_FALSE(sender.is_closed());
    started waits{awaits_close(sender, seen), context{runs}};
    CHECK_FALSE(waits.done());
    receiver = {};
    CHECK(seen.empty());
    runs.run_all();
    CHECK(seen == std::vector{1});
    CHECK(sender.is_closed());
    counted kept{5};
    CHECK_FALSE(sender.send(std::move(kept)));
    CHECK(kept.value == 5);
    CHECK(sender);
}

TEST_CASE("after a close nothing is sent, but what was sent before is received", "[oneshot]") {
    manual_executor runs;
    std::vector<int> seen;
    {
        auto [sender, receiver] = oneshot<counted>();
        CHECK(sender.send(counted{6}));
        receiver.close();
        started first{receives(receiver, seen), context{runs}};
        CHECK(seen == std::vector{6});
    }
    auto [sender, receiver] = oneshot<counted>();
    started told{awaits_close(sender, seen), context{runs}};
    receiver.close();
    runs.run_all();
    CHECK_FALSE(sender.send(counted{7}));
    started second{receives(receiver, seen), context{runs}};
    CHECK(seen == std::vector{6, 1, code(errc::closed)});
}

TEST_CASE("a stopped receive leaves the value for a later one (T7)", "[oneshot]") {
    manual_executor runs;
    stop_source stop;
    auto [sender, receiver] = oneshot<counted>();
    std::vector<int> seen;
    started first{receives(receiver, seen), context{runs}.with_stop(stop.token())};
    stop.request_stop();
    CHECK(sender.send(counted{8}));
    runs.run_all();
    started second{receives(receiver, seen), context{runs}};
    CHECK(seen == std::vector{code(errc::cancelled), 8});
}

TEST_CASE("a stopped wait for the close changes nothing", "[oneshot]") {
    manual_executor runs;
    stop_source stop;
    auto [sender, receiver] = oneshot<counted>();
    std::vector<int> seen;
    started waits{awaits_close(sender, seen), context{runs}.with_stop(stop.token())};
    stop.request_stop();
    runs.run_all();
    CHECK(seen == std::vector{code(errc::cancelled)});
    CHECK_FALSE(sender.is_closed());
    CHECK(sender.send(counted{9}));
    CHECK(receiver.try_recv()->value == 9);
}

TEST_CASE("a value that nobody takes ends with the halves, whichever goes first", "[oneshot]") {
    for (bool const sender_first : {true, false}) {
        auto [sender, receiver] = oneshot<counted>();
        CHECK(sender.send(counted{1}));
        CHECK(counted::alive == 1);
        if (sender_first) sender = {};
        receiver = {};
        CHECK(counted::alive == 0);
    }
}

TEST_CASE("halves move, and one that is assigned to leaves its own pair first", "[oneshot]") {
    auto [sender, receiver] = oneshot<counted>();
    auto [other_sender, other_receiver] = oneshot<counted>();
    sender = std::move(other_sender);
    CHECK(sender.send(counted{2}));
    CHECK(other_receiver.try_recv()->value == 2);
    receiver = std::move(other_receiver);
    CHECK_FALSE(receiver.try_recv());
}

TEST_CASE("a pair is one allocation, given back with its last half", "[oneshot]") {
    std::size_t made = 0;
    auto const left = blocks_left_by([&] {
        made = blocks_made_by([] {
            auto [sender, receiver] = oneshot<int>();
            if (!sender.send(1)) std::abort();
        });
    });
    CHECK(left == 0);
#if !WEIR_TSAN
    CHECK(made == 1);
#endif
}
