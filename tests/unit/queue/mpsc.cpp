// tests/unit/queue/mpsc.cpp: the inbox that anybody pushes into and that is emptied at once.
#include <weir/base/atomic.hpp>
#include <weir/queue/mpsc.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace {

struct item {
    int id = 0;
    weir::atomic<item*> next{nullptr};
};

std::vector<int> ids(weir::intrusive_fifo<item> items) {
    std::vector<int> all;
    while (item* const one = items.pop_front()) all.push_back(one->id);
    return all;
}

} // namespace

TEST_CASE("an inbox hands everything over at once, oldest first", "[mpsc]") {
    weir::mpsc<item> inbox;
    std::array<item, 3> items{{{1}, {2}, {3}}};
    CHECK(inbox.empty());
    CHECK(ids(inbox.pop_all()).empty());
    for (item& one : items) inbox.push(one);
    CHECK_FALSE(inbox.empty());
    CHECK(ids(inbox.pop_all()) == std::vector{1, 2, 3});
    CHECK(inbox.empty(weir::seq_cst));
}

TEST_CASE("only a push into an empty inbox says so", "[mpsc]") {
    weir::mpsc<item> inbox;
    std::array<item, 3> items;
    CHECK(inbox.push(items[0]));
    CHECK_FALSE(inbox.push(items[1]));
    inbox.pop_all();
    CHECK(inbox.push(items[2]));
    CHECK_FALSE(inbox.push(items[0]));
}

TEST_CASE("an item may be pushed again, or freed, as soon as it was taken", "[mpsc]") {
    weir::mpsc<item> inbox;
    for (int round = 0; round < 3; ++round) {
        auto one = std::make_unique<item>();
        auto two = std::make_unique<item>();
        one->id = 1;
        two->id = 2;
        inbox.push(*one);
        inbox.push(*two);
        auto run = inbox.pop_all();
        REQUIRE(run.pop_front() == one.get());
        one.reset();
        REQUIRE(run.pop_front() == two.get());
        inbox.push(*two);
        CHECK(ids(inbox.pop_all()) == std::vector{2});
    }
}

namespace {

// An item whose pusher can be held up between its two steps.
struct slow_item {
    struct link : weir::atomic<slow_item*> {
        void store(slow_item* to, std::memory_order order) {
            if (before_link && reinterpret_cast<std::uintptr_t>(to) % alignof(slow_item) == 0) {
                between.store(true, weir::release); // [between]
                between.notify_all();
                held_up.wait(true, weir::acquire); // [go on]
            }
            atomic::store(to, order);
        }
        bool before_link = false;
        weir::atomic<bool> between{false};
        weir::atomic<bool> held_up{true};
    };
    int id = 0;
    link next;
};

} // namespace

TEST_CASE("a drainer waits for a pusher that stands between its two steps", "[mpsc]") {
    weir::mpsc<slow_item> inbox;
    std::array<slow_item, 3> items;
    for (int n = 0; n < 3; ++n) items[static_cast<std::size_t>(n)].id = n;
    slow_item& slow = items[1];
    slow.next.before_link = true;

    inbox.push(items[0]);
    std::jthread pusher([&] { inbox.push(slow); });
    slow.next.between.wait(false, weir::acquire); // [between]
    CHECK_FALSE(inbox.push(items[2])); // pushing waits for nobody

    weir::atomic<bool> drained{false};
    std::vector<int> order;
    std::jthread drainer([&] {
        auto run = inbox.pop_all();
        drained.store(true, weir::relaxed); // only a sign
        while (slow_item* const one = run.pop_front()) order.push_back(one->id);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK_FALSE(drained.load(weir::relaxed));
    slow.next.held_up.store(false, weir::release); // [go on]
    slow.next.held_up.notify_all();
    pusher.join();
    drainer.join();
    CHECK(order == std::vector{0, 1, 2});
}

TEST_CASE("of many pushers into an empty inbox exactly one is the first", "[mpsc]") {
    for (int round = 0; round < 200; ++round) {
        weir::mpsc<item> inbox;
        std::array<item, 3> items{{{0}, {1}, {2}}};
        std::array<bool, 3> first{};
        std::array<std::thread, 3> threads;
        for (std::size_t n = 0; n < 3; ++n) threads[n] = std::thread([&, n] { first[n] = inbox.push(items[n]); });
        for (std::thread& thread : threads) thread.join();
        CHECK(first[0] + first[1] + first[2] == 1);
        auto const order = ids(inbox.pop_all());
        REQUIRE(order.size() == 3);
        CHECK(first[static_cast<std::size_t>(order[0])]); // and its item is the oldest
    }
}
