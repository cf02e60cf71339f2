// tests/unit/memory/object_pool.cpp: what comes back is reset, kept within bounds and used again; by whom, in which order.
#include <weir/memory/object_pool.hpp>

#include "unit/base/dies.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using weir::object_pool;
using weir::object_pool_options;

namespace {

// Counts the living, and knows how it was made and how often it was reset.
struct machine {
    explicit machine(int number = 0) : made_as{number} { ++living; }
    machine(machine const&) = delete; // made in place, so it need not move
    machine& operator=(machine const&) = delete;
    ~machine() { --living; }
    void reset() {
        ++resets;
        content.clear();
    }

    static inline int living = 0;
    int const made_as;
    int resets = 0;
    std::string content;
};

struct clearable {
    void clear() { text.clear(); }
    std::string text;
};

template <class F>
void elsewhere(F work) {
    std::thread(std::move(work)).join();
}

} // namespace

TEST_CASE("an object that came back is reset and is the next one", "[object_pool]") {
    object_pool<machine> pool;
    machine* first = nullptr;
    {
        auto const lease = pool.acquire(7);
        first = &*lease;
        lease->content = "of the first user";
        CHECK(lease->made_as == 7);
        CHECK(lease->resets == 0);
        CHECK(pool.idle() == 0);
    }
    CHECK(pool.idle() == 1);
    auto const again = pool.acquire(8); // the arguments matter only to one that is made
    CHECK(&*again == first);
    CHECK(again->made_as == 7);
    CHECK(again->resets == 1);
    CHECK(again->content.empty());
    auto const other = pool.acquire(9);
    CHECK(other->made_as == 9);
    auto const stats = pool.stats();
    CHECK(stats.made == 2);
    CHECK(stats.reused == 1);
    CHECK(stats.discarded == 0);
}

TEST_CASE("the object used last is the first to be used again", "[object_pool]") {
    object_pool<machine> pool;
    auto one = pool.acquire(1);
    auto two = pool.acquire(2);
    two.release();
    one.release();
    auto const next = pool.acquire();
    CHECK(next->made_as == 1);
    CHECK(pool.acquire()->made_as == 2);
}

TEST_CASE("a pool ends what it keeps", "[object_pool]") {
    REQUIRE(machine::living == 0);
    {
        object_pool<machine> pool{object_pool_options{.kept = 2, .kept_per_thread = 2}};
        std::vector<object_pool<machine>::lease> leases;
        for (int n = 0; n < 4; ++n) leases.push_back(pool.acquire(n));
        CHECK(machine::living == 4);
        leases.clear();
        CHECK(machine::living == 4);
    }
    CHECK(machine::living == 0);
}

TEST_CASE("what is more than is to be kept ends at once", "[object_pool]") {
    object_pool<machine> pool{object_pool_options{.kept = 3, .kept_per_thread = 2}};
    std::vector<object_pool<machine>::lease> leases;
    for (int n = 0; n < 10; ++n) leases.push_back(pool.acquire(n));
    leases.clear();
    CHECK(pool.idle() == 5);
    CHECK(machine::living == 5);
    CHECK(pool.stats().discarded == 5);

    object_pool<machine> none{object_pool_options{.kept = 0, .kept_per_thread = 0}};
    none.acquire().release();
    CHECK(none.idle() == 0);
    CHECK(none.stats().discarded == 1);
}

TEST_CASE("an object whose reset says no, or throws, is not used again", "[object_pool]") {
    object_pool by_word{[] { return 5; }, [](int& number) { return number == 5; }};
    *by_word.acquire() = 6;
    CHECK(by_word.idle() == 0);
    CHECK(by_word.stats().discarded == 1);
    by_word.acquire().release();
    CHECK(by_word.idle() == 1);
#if WEIR_EXCEPTIONS
    object_pool by_throw{[] { return 5; }, [](int&) { throw std::runtime_error("no way back"); }};
    by_throw.acquire().release();
    CHECK(by_throw.idle() == 0);
    CHECK(by_throw.stats().discarded == 1);
#endif
}

TEST_CASE("a discarded object ends and is not reset", "[object_pool]") {
    int resets = 0;
    object_pool pool{[] { return std::make_shared<int>(1); }, [&](std::shared_ptr<int>&) { ++resets; }};
    auto lease = pool.acquire();
    std::weak_ptr<int> const watched = *lease;
    lease.discard();
    CHECK(!lease);
    CHECK(watched.expired());
    CHECK(resets == 0);
    CHECK(pool.idle() == 0);
}

TEST_CASE("reset is preferred to clear, and clear does where there is no reset", "[object_pool]") {
    object_pool<clearable> pool;
    pool.acquire()->text = "left behind";
    CHECK(pool.acquire()->text.empty());
    CHECK(pool.stats().made == 1);
    static_assert(!weir::object_reset<weir::reset_object, int>); // nobody said how
    static_assert(weir::object_reset<weir::reset_object, std::vector<int>>);
    static_assert(!weir::object_reset<int (*)(int&), int>); // neither nothing nor a word
}

#if WEIR_EXCEPTIONS
TEST_CASE("a factory that throws leaves the pool as it was", "[object_pool]") {
    int attempts = 0;
    object_pool pool{[&] {
                         if (++attempts == 1) throw std::runtime_error("nobody listens");
                         return std::string("made");
                     }};
    CHECK_THROWS_AS(pool.acquire(), std::runtime_error);
    CHECK(pool.stats().made == 0);
    CHECK(*pool.acquire() == "made");
    CHECK(pool.stats().made == 1);
}
#endif

TEST_CASE("a lease moves, and ends once", "[object_pool]") {
    object_pool<machine> pool;
    auto one = pool.acquire(1);
    auto two = std::move(one);
    CHECK(!one);
    CHECK(two->made_as == 1);
    auto three = pool.acquire(3);
    three = std::move(two); // gives back what it had
    CHECK(three->made_as == 1);
    CHECK(pool.idle() == 1);
    auto& same = three;
    three = std::move(same);
    CHECK(three->made_as == 1);
    three.release();
    three.release();
    CHECK(!three);
    CHECK(pool.idle() == 2);
    CHECK(pool.acquire()->resets == 1);
}

TEST_CASE("an object whose lease ends elsewhere goes back to where it came from", "[object_pool]") {
    object_pool<machine> pool{object_pool_options{.kept = 0, .kept_per_thread = 1}};
    auto lease = pool.acquire(1);
    elsewhere([&] {
        auto own = pool.acquire(2);
        lease.release(); // into the cache of the thread that took it, so both have room
        own.release();
    });
    CHECK(pool.idle() == (weir::shard_count() > 1 ? 2 : 1));
    CHECK(pool.acquire()->made_as == 1);
}

TEST_CASE("a thread finds what others keep before it makes one", "[object_pool]") {
    object_pool<machine> pool{object_pool_options{.kept = 1, .kept_per_thread = 2}};
    {
        auto one = pool.acquire(1);
        auto two = pool.acquire(2);
        auto three = pool.acquire(3);
    } // two in this thread's cache, one in the shared list
    CHECK(pool.idle() == 3);
    elsewhere([&] {
        auto one = pool.acquire(4);
        auto two = pool.acquire(5);
        auto three = pool.acquire(6);
        CHECK(pool.stats().made == 3);
        CHECK(pool.acquire(7)->made_as == 7);
    });
    CHECK(machine::living == static_cast<int>(pool.idle()));
}

TEST_CASE("pools of one type share nothing", "[object_pool]") {
    object_pool<machine> one;
    auto another = std::make_unique<object_pool<machine>>();
    one.acquire(1).release();
    another->acquire(2).release();
    CHECK(another->acquire(3)->made_as == 2);
    another.reset();
    another = std::make_unique<object_pool<machine>>(); // perhaps at the same address
    CHECK(another->acquire(4)->made_as == 4);
    CHECK(one.acquire(5)->made_as == 1);
}

TEST_CASE("threads and pools end in any order", "[object_pool]") {
    REQUIRE(machine::living == 0);
    auto early = std::make_unique<object_pool<machine>>();
    elsewhere([&] { early->acquire(1).release(); }); // the thread ends first
    CHECK(early->acquire(2)->made_as == 1);
    elsewhere([&] {
        early->acquire(3).release();
        early.reset(); // the pool ends first
        object_pool<machine> late;
        late.acquire(4).release();
        CHECK(machine::living == 1);
    });
    CHECK(machine::living == 0);
}

TEST_CASE("an over-aligned object is aligned", "[object_pool]") {
    struct alignas(128) wide {
        void clear() {}
        char content[128];
    };
    object_pool<wide> pool;
    auto const one = pool.acquire();
    auto const two = pool.acquire();
    CHECK(reinterpret_cast<std::uintptr_t>(&*one) % 128 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(&*two) % 128 == 0);
}

#if !defined(NDEBUG)
TEST_CASE("a pool that ends before a lease of it says so", "[object_pool]") {
    auto const death = dies([] {
        auto pool = std::make_unique<object_pool<machine>>();
        auto const lease = pool->acquire();
        pool.reset();
    });
    CHECK(death.aborted);
    CHECK(death.words.find("ends before a lease of it") != std::string::npos);
}

TEST_CASE("an empty lease that is used says so", "[object_pool]") {
    auto const death = dies([] { object_pool<machine>::lease{}->reset(); });
    CHECK(death.aborted);
    CHECK(death.words.find("used after its end") != std::string::npos);
}
#endif
