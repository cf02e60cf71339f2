// tests/stress/queue.cpp: every queue between real threads: nothing lost, nothing doubled, nothing out of order.
// Seconds, not hours; the sanitizers look on. Threads only note what they see, the test's own thread judges it.
#include <weir/base/platform.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/queue/deque.hpp>
#include <weir/queue/mpsc.hpp>
#include <weir/queue/spsc.hpp>
#include <weir/queue/unbounded.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <barrier>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#if WEIR_TSAN
// ConcurrentQueue orders by fences, which this sanitizer does not see.
extern "C" char const* __tsan_default_suppressions() { return "race:moodycamel::\n"; }
#endif

using weir::acquire;
using weir::backoff;
using weir::relaxed;
using weir::release;
using weir::seq_cst;

namespace {

// Joins them all at the end of the scope.
using crew = std::vector<std::jthread>;

// What one thread took, in its order: `producer * per_producer + serial`.
using catch_of_one = std::vector<std::uint32_t>;

// Each producer's values were all taken, once, and each taker saw them rise.
void check_catch(std::vector<catch_of_one> const& takers, std::size_t producers, std::uint32_t per_producer) {
    std::vector<int> times(producers * per_producer);
    bool in_order = true;
    for (catch_of_one const& taken : takers) {
        std::vector<std::int64_t> last(producers, -1);
        for (std::uint32_t const value : taken) {
            REQUIRE(value < times.size());
            ++times[value];
            auto& before = last[value / per_producer];
            in_order = in_order && before < value;
            before = value;
        }
    }
    CHECK(in_order);
    CHECK(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
}

struct node {
    explicit node(std::uint32_t number) : value{number} {}
    std::uint32_t value;
    weir::atomic<node*> next{nullptr};
};

} // namespace

TEST_CASE("a ring carries a stream by every door at once", "[stress][spsc]") {
    constexpr std::uint64_t count = 400'000;
    for (std::size_t const capacity : {1u, 2u, 16u, 1024u}) {
        weir::spsc<std::uint64_t> queue{capacity};
        std::uint64_t const total = capacity < 16 ? count / 20 : count;
        bool in_order = true;
        {
            crew threads;
            threads.emplace_back([&] {
                std::minstd_rand random{1};
                std::array<std::uint64_t, 24> batch;
                backoff wait;
                for (std::uint64_t next = 0; next < total;) {
                    auto const start = next;
                    auto const wanted = std::min<std::uint64_t>(1 + random() % batch.size(), total - next);
                    switch (random() % 3) {
                        case 0: next += queue.try_push(next); break;
                        case 1:
                            for (std::uint64_t n = 0; n < wanted; ++n) batch[n] = next + n;
                            next += queue.try_push_n(std::span{batch}.first(wanted));
                            break;
                        case 2: {
                            auto const places = queue.claim(wanted);
                            for (std::uint64_t& place : places) place = next++;
                            queue.commit(places.size());
                        }
                    }
                    if (next == start) wait();
                    else wait.reset();
                }
            });
            threads.emplace_back([&] {
                std::minstd_rand random{2};
                std::array<std::uint64_t, 24> batch;
                backoff wait;
                for (std::uint64_t expected = 0; expected < total;) {
                    auto const start = expected;
                    switch (random() % 3) {
                        case 0:
                            if (auto const got = queue.try_pop()) in_order = (*got == expected++) && in_order;
                            break;
                        case 1: {
                            auto const got = queue.try_pop_n(std::span{batch}.first(1 + random() % batch.size()));
                            for (std::size_t n = 0; n < got; ++n) in_order = (batch[n] == expected++) && in_order;
                            break;
                        }
                        case 2: {
                            auto const values = queue.peek();
                            for (std::uint64_t const value : values) in_order = (value == expected++) && in_order;
                            queue.consume(values.size());
                        }
                    }
                    if (expected == start) wait();
                    else wait.reset();
                }
            });
        }
        CHECK(in_order);
        CHECK(queue.empty());
    }
}

TEST_CASE("a ring hands over what its values own", "[stress][spsc]") {
    constexpr std::uint32_t count = 100'000;
    weir::spsc<std::unique_ptr<std::uint32_t>> queue{64};
    bool in_order = true;
    {
        crew threads;
        threads.emplace_back([&] {
            for (std::uint32_t n = 0; n < count; ++n) {
                auto value = std::make_unique<std::uint32_t>(n);
                for (backoff wait; !queue.try_push(std::move(value));) wait();
            }
        });
        threads.emplace_back([&] {
            for (std::uint32_t n = 0; n < count; ++n) {
                auto value = queue.try_pop();
                for (backoff wait; !value; value = queue.try_pop()) wait();
                in_order = **value == n && in_order;
            }
        });
    }
    CHECK(in_order);
}

TEST_CASE("an inbox with several drainers gives each item to one, who may free it at once", "[stress][mpsc]") {
    constexpr std::uint32_t per_producer = 60'000;
    constexpr std::size_t producers = 3;
    weir::mpsc<node> inbox;
    std::vector<catch_of_one> taken(2);
    weir::atomic<std::size_t> left{producers * per_producer};
    {
        crew threads;
        for (std::uint32_t p = 0; p < producers; ++p)
            threads.emplace_back([&, p] {
                for (std::uint32_t n = 0; n < per_producer; ++n) inbox.push(*new node(p * per_producer + n));
            });
        for (catch_of_one& mine : taken)
            threads.emplace_back([&] {
                for (backoff wait; left.load(relaxed) != 0;) { // only a count: the inbox orders
                    auto run = inbox.pop_all();
                    if (run.empty()) {
                        wait();
                        continue;
                    }
                    wait.reset();
                    while (std::unique_ptr<node> const item{run.pop_front()}) {
                        mine.push_back(item->value);
                        left.fetch_sub(1, relaxed); // only a count
                    }
                }
            });
    }
    check_catch(taken, producers, per_producer);
}

TEST_CASE("a pusher and one who goes to sleep never both miss each other", "[stress][mpsc]") {
    constexpr int rounds = 15'000;
    weir::mpsc<node> inbox;
    weir::atomic<bool> asleep{false};
    node item{0};
    std::array<bool, 2> saw{};
    int missed = 0;
    std::barrier start{2};
    std::barrier end{2, [&]() noexcept {
                         if (!saw[0] && !saw[1]) ++missed;
                         inbox.pop_all();
                         asleep.store(false, relaxed); // the barrier orders
                     }};
    {
        crew threads;
        threads.emplace_back([&] {
            for (int n = 0; n < rounds; ++n) {
                start.arrive_and_wait();
                inbox.push(item);
                saw[0] = asleep.load(seq_cst);
                end.arrive_and_wait();
            }
        });
        threads.emplace_back([&] {
            for (int n = 0; n < rounds; ++n) {
                start.arrive_and_wait();
                asleep.store(true, seq_cst);
                saw[1] = !inbox.empty(seq_cst);
                end.arrive_and_wait();
            }
        });
    }
    CHECK(missed == 0);
}

TEST_CASE("a deque gives each value to its owner or to one thief", "[stress][deque]") {
    constexpr std::uint32_t count = 150'000;
    // The first burst keeps the deque nearly empty, where owner and thieves meet; the last makes it grow under them.
    for (std::uint32_t const burst : {1u, 3u, 40u, 2000u}) {
        weir::deque<node*> deque;
        std::vector<catch_of_one> stolen(2);
        std::vector<int> times(count);
        weir::atomic<bool> done{false};
        catch_of_one popped;
        {
            crew threads;
            for (catch_of_one& mine : stolen)
                threads.emplace_back([&] {
                    backoff wait;
                    for (bool last_look = false;;) {
                        auto const got = deque.steal();
                        if (got) {
                            std::unique_ptr<node> const item{got.value};
                            mine.push_back(item->value);
                            wait.reset();
                        } else if (got.status == weir::steal_status::empty) {
                            if (last_look) break;
                            last_look = done.load(acquire); // [done]
                            wait();
                        }
                    }
                });
            threads.emplace_back([&] {
                std::minstd_rand random{burst};
                for (std::uint32_t next = 0; next < count;) {
                    for (auto n = 1 + random() % burst; n > 0 && next < count; --n) deque.push_bottom(new node(next++));
                    for (auto n = random() % (burst + 1); n > 0; --n) {
                        std::unique_ptr<node> const item{deque.pop_bottom()};
                        if (!item) break;
                        popped.push_back(item->value);
                    }
                }
                done.store(true, release); // [done]
            });
        }
        for (std::uint32_t const value : popped) ++times[value];
        bool in_order = true;
        for (catch_of_one const& mine : stolen) {
            for (std::uint32_t const value : mine) ++times[value];
            in_order = in_order && std::is_sorted(mine.begin(), mine.end());
        }
        CHECK(in_order); // the oldest first
        CHECK(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
    }
}

TEST_CASE("a deque may grow while it is robbed", "[stress][deque]") {
    constexpr std::uintptr_t count = 3000;
    int wrong = 0;
    for (int round = 0; round < 150; ++round) {
        weir::deque<std::uintptr_t> deque; // of the numbers from 1 on
        weir::atomic<bool> started{false};
        std::uintptr_t sum = 0;
        {
            std::jthread const thief([&] {
                started.store(true, relaxed); // only so that both run
                for (std::uintptr_t last = 0; last != count;) {
                    auto const got = deque.steal();
                    if (!got) continue;
                    wrong += got.value <= last;
                    last = got.value;
                    sum += last;
                }
            });
            for (backoff wait; !started.load(relaxed);) wait();
            for (std::uintptr_t n = 1; n <= count; ++n) deque.push_bottom(n);
        }
        wrong += sum != count * (count + 1) / 2;
    }
    CHECK(wrong == 0);
}

TEST_CASE("an unbounded queue keeps each producer's order for each consumer", "[stress][unbounded]") {
    constexpr std::uint32_t per_producer = 60'000;
    constexpr std::size_t producers = 3;
    weir::unbounded<std::unique_ptr<std::uint32_t>> queue;
    std::vector<catch_of_one> taken(2);
    weir::atomic<std::size_t> left{producers * per_producer};
    {
        crew threads;
        for (std::uint32_t p = 0; p < producers; ++p)
            threads.emplace_back([&, p] {
                decltype(queue)::producer lane{queue};
                std::array<std::unique_ptr<std::uint32_t>, 8> batch;
                for (std::uint32_t n = 0; n < per_producer; n += 8) {
                    for (std::uint32_t k = 0; k < 8; ++k)
                        batch[k] = std::make_unique<std::uint32_t>(p * per_producer + n + k);
                    if (n % 16 == 0) lane.try_push_n(batch);
                    else
                        for (auto& value : batch) lane.try_push(std::move(value));
                }
            });
        for (catch_of_one& mine : taken)
            threads.emplace_back([&] {
                decltype(queue)::consumer end{queue};
                std::array<std::unique_ptr<std::uint32_t>, 8> batch;
                for (backoff wait; left.load(relaxed) != 0;) { // only a count: the queue orders
                    auto const got = end.try_pop_n(batch);
                    for (std::size_t n = 0; n < got; ++n) mine.push_back(*batch[n]);
                    left.fetch_sub(got, relaxed); // only a count
                    if (got == 0) wait();
                    else wait.reset();
                }
            });
    }
    check_catch(taken, producers, per_producer);
}
