// tests/unit/flow/batcher_failing.cpp: handlers that throw, fail everything, or answer late and from elsewhere; and
// batches that are bisected.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <cstddef>
#include <deque>
#include <set>
#include <span>
#include <stdexcept>
#include <thread>
#include <vector>

using weir::batcher;
using weir::batcher_options;
using weir::context;
using weir::errc;
using weir::event;
using weir::on_batch_error;
using weir::replies;
using weir::task;
using weir::test::manual_executor;
using weir::test::started;

namespace {

using numbers = batcher<int, int>;
using asked = started<decltype(std::declval<numbers&>().submit(0))>;

struct poison : std::runtime_error {
    poison() : std::runtime_error{"poison"} {}
};

// Throws for a batch in which one of `bad` is; notes its calls.
struct picky {
    std::set<int> bad;
    bool throws = true; // or else it fails everything
    std::vector<std::vector<int>> calls;

    auto function() {
        return [this](std::span<int> items, replies<int>& out) -> task<> {
            calls.emplace_back(items.begin(), items.end());
            bool spoilt = false;
            for (std::size_t n = 0; n < items.size(); ++n) {
                if (throws && !spoilt) out.set(n, -1); // as if it had got so far; it must not count
                spoilt = spoilt || bad.contains(items[n]);
            }
            co_await weir::yield();
            if (spoilt && throws) throw poison{};
            for (std::size_t n = 0; n < items.size(); ++n) {
                if (spoilt) out.fail(n, errc::too_long);
                else if (!throws) out.set(n, items[n]);
            }
        };
    }
};

batcher_options bisecting(std::size_t max_calls = 64) {
    batcher_options options;
    options.on_error = on_batch_error::bisect;
    options.max_bisect_calls = max_calls;
    return options;
}

// Submits 0 to count - 1 as one batch.  Returns: those that failed.
std::set<int> failures(numbers& b, int count) {
    manual_executor loop;
    std::deque<asked> callers;
    for (int n = 0; n < count; ++n) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    std::set<int> found;
    for (int n = 0; n < count; ++n) {
        auto& one = callers[static_cast<std::size_t>(n)];
        try {
            if (!one.take()) found.insert(n);
        } catch (poison const&) {
            found.insert(n);
        }
    }
    return found;
}

} // namespace

TEST_CASE("B6: one poison in 256 is found wherever it is, with sixteen calls more, and fails alone", "[batcher]") {
    int const where = GENERATE(0, 1, 100, 127, 128, 254, 255);
    bool const throws = GENERATE(true, false);
    picky handler{.bad = {where}, .throws = throws, .calls = {}};
    numbers b{handler.function(), bisecting()};
    CHECK(failures(b, 256) == std::set{where});
    CHECK(handler.calls.size() == 17);
    CHECK(b.figures().extra_calls == 16);
    CHECK(b.figures().batches == 1);
}

TEST_CASE("B6: in a batch of any size the poison is found, and the parts come in order", "[batcher]") {
    int const size = GENERATE(range(1, 20));
    int const where = GENERATE_COPY(range(0, size));
    picky handler{.bad = {where}, .throws = true, .calls = {}};
    numbers b{handler.function(), bisecting()};
    CHECK(failures(b, size) == std::set{where});
    std::vector<int> fine; // of the calls that ended well
    for (auto const& call : handler.calls)
        for (int const n : call) {
            bool const spoilt = call.front() <= where && where <= call.back();
            if (!spoilt) fine.push_back(n);
        }
    std::vector<int> expected;
    for (int n = 0; n < size; ++n)
        if (n != where) expected.push_back(n);
    CHECK(fine == expected); // B2, and each of them only once
}

TEST_CASE("B6: several poisons are told apart", "[batcher]") {
    picky handler{.bad = {3, 64, 65}, .throws = true, .calls = {}};
    numbers b{handler.function(), bisecting()};
    CHECK(failures(b, 256) == std::set{3, 64, 65});
    CHECK(handler.calls.size() <= 1 + 3 * 16);
}

TEST_CASE("B6: what the bound on calls does not tell apart fails together", "[batcher]") {
    picky handler{.bad = {0}, .throws = true, .calls = {}};
    numbers b{handler.function(), bisecting(5)};
    CHECK(failures(b, 256).size() == 64); // which it was halved to twice
    CHECK(handler.calls.size() == 5);
}

TEST_CASE("B6: where nothing is asked for, nothing is called twice", "[batcher]") {
    picky handler{.bad = {7}, .throws = true, .calls = {}};
    numbers b{handler.function()};
    CHECK(failures(b, 16).size() == 16);
    CHECK(handler.calls.size() == 1);
}

TEST_CASE("B5: a batch of which one is fine, or one is left out, is not bisected", "[batcher]") {
    bool const leaves_out = GENERATE(true, false);
    manual_executor loop;
    int calls = 0;
    numbers b{[&](std::span<int> items, replies<int>& out) -> task<> {
                  ++calls;
                  if (!leaves_out) out.set(0, items[0]);
                  for (std::size_t n = 1; n < items.size(); ++n) out.fail(n, errc::too_long);
                  co_return;
              },
              bisecting()};
    std::deque<asked> callers;
    for (int n = 0; n < 4; ++n) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    CHECK(calls == 1);
    if (leaves_out) CHECK(callers[0].take().error() == errc::no_reply);
    else CHECK(*callers[0].take() == 0);
    for (std::size_t n = 1; n < 4; ++n) CHECK(callers[n].take().error() == errc::too_long);
}

TEST_CASE("B7: who leaves while its batch is bisected goes at once", "[batcher]") {
    manual_executor loop;
    weir::stop_source leaves;
    event goes_on;
    int calls = 0;
    numbers b{[&](std::span<int> items, replies<int>& out) -> task<> {
                  if (++calls == 2) static_cast<void>(co_await goes_on.wait());
                  if (items.size() == 4) throw poison{};
                  for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
              },
              bisecting()};
    std::deque<asked> callers;
    for (int n = 0; n < 4; ++n)
        callers.emplace_back(b.submit(n), n == 3 ? context{loop}.with_stop(leaves.token()) : context{loop});
    loop.run_all();
    leaves.request_stop();
    loop.run_all();
    REQUIRE(callers[3].done());
    CHECK(callers[3].take().error() == errc::cancelled);
    goes_on.set();
    loop.run_all();
    for (int n = 0; n < 3; ++n) CHECK(*callers[static_cast<std::size_t>(n)].take() == n);
    CHECK(calls == 3);
    CHECK(b.figures().discarded == 1);
}

TEST_CASE("B1: a handler may answer late and from another thread", "[batcher]") {
    std::jthread elsewhere;
    numbers b{[&](std::span<int> items, replies<int>& out) -> task<> {
        event done;
        elsewhere = std::jthread([&] {
            std::this_thread::yield();
            for (std::size_t n = items.size(); n > 0; --n) out.set(n - 1, items[n - 1] * 3);
            done.set();
        });
        static_cast<void>(co_await done.wait());
        elsewhere.join();
    }};
    for (int n = 0; n < 20; ++n) CHECK(*weir::sync_wait(b.submit(n)) == 3 * n);
}
