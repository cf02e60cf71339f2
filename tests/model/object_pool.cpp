// tests/model/object_pool.cpp: objects that pass between caches, the shared list and leases, in every order: each in one
// place, ended once, and handed on with all that was done to it. Threads 0 and 2 share a cache, 1 has one of its own.
#include "desk.hpp"

#include <weir/memory/object_pool.hpp>

#include <array>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// An object that notices a second user, and one that does not see the reset.
class part {
public:
    part() noexcept { ++living; }
    part(part const&) = delete;
    part& operator=(part const&) = delete;
    ~part() {
        check(!in_use_, "an object ended while it was in use");
        --living;
    }
    void use() noexcept {
        check(!std::exchange(in_use_, true), "an object is in two places");
        check(content_.get() == 0, "an object was used before it was reset");
        content_.set(1);
        turns_.fetch_add(1, relaxed); // lets the others go on
        check(content_.get() == 1, "an object was changed by another user");
    }
    void reset() noexcept {
        content_.set(0);
        in_use_ = false;
    }

    static inline int living = 0;

private:
    plain<int> content_;
    atomic<int> turns_{0};
    bool in_use_ = false;
};

using part_pool = object_pool<part>;

struct pool_in_use {
    explicit pool_in_use(object_pool_options kept) : most{2 * kept.kept_per_thread + kept.kept}, pool{kept} {}
    struct counted {
        counted() { part::living = 0; }
    } const begins;
    std::size_t const most;
    part_pool pool;

    void judge() {
        auto const stats = pool.stats();
        check(pool.idle() <= most, "more is kept than may be");
        check(static_cast<std::size_t>(part::living) == pool.idle(), "an object was lost");
        check(stats.made - stats.discarded == pool.idle(), "the counts are wrong");
        check(stats.made + stats.reused == leases, "a lease was not counted");
    }
    std::uint64_t leases = 0;
};

// Everybody takes one, uses it and gives it back, thread 0 twice; one object is there at the start.
class all_take : pool_in_use {
public:
    explicit all_take(object_pool_options kept) : pool_in_use{kept} {
        auto const lease = pool.acquire();
        ++leases;
    }
    void thread(int number) {
        for (int n = number == 0 ? 0 : 1; n < 2; ++n) {
            auto const lease = pool.acquire();
            ++leases;
            lease->use();
        }
    }
    void finally() { judge(); }
};

// A lease ends on another thread than the one that took it, which takes the next one meanwhile.
class lease_moves : pool_in_use {
public:
    explicit lease_moves(object_pool_options kept) : pool_in_use{kept} {}
    void thread(int number) {
        if (number == 0) {
            moved_ = pool.acquire();
            ++leases;
            moved_->use();
            sent_.store(true, release); // [sent]
        } else if (number == 1) {
            if (!sent_.load(acquire)) return; // [sent]
            moved_.release();
            return;
        }
        auto const lease = pool.acquire();
        ++leases;
        lease->use();
    }
    void finally() {
        moved_.release();
        judge();
    }

private:
    part_pool::lease moved_;
    atomic<bool> sent_{false};
};

} // namespace

TEST_CASE("objects that many take and give back are each in one place") {
    using kept = object_pool_options;
    constexpr options wide{.preemptions = 1};
    holds("object pool: three threads, room in the caches",
          explorer::explore<all_take>(3, wide, kept{.kept = 1, .kept_per_thread = 1}));
    holds("object pool: three threads, the shared list alone",
          explorer::explore<all_take>(3, wide, kept{.kept = 1, .kept_per_thread = 0}));
    holds("object pool: two threads, the shared list alone",
          explorer::explore<all_take>(2, options{.preemptions = 3}, kept{.kept = 1, .kept_per_thread = 0}));
    holds("object pool: two threads, nothing is kept",
          explorer::explore<all_take>(2, options{.preemptions = 3}, kept{.kept = 0, .kept_per_thread = 0}));
}

TEST_CASE("a lease that ends elsewhere brings its object home") {
    holds("object pool: a lease moves",
          explorer::explore<lease_moves>(3, options{}, object_pool_options{.kept = 1, .kept_per_thread = 1}));
}
