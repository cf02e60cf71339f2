// tests/model/buffer_pool.cpp: a pool's free list and its blocks in every order: a block has one user at a time, who
// comes after the one before, and the memory goes exactly once, after all.
#include "desk.hpp"

#include <weir/memory/buffer_pool.hpp>
#include <weir/memory/free_list.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <sys/mman.h>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// An entry with something in it that only its user may touch; a second one, or one too early, is a race.
struct entry {
    atomic<std::uint16_t> next_free{0};
    plain<int> content;
    bool out = false; // never two at a time: the threads take turns
    void use(int who) {
        check(!std::exchange(out, true), "an entry was popped that is out");
        content.set(who);
        check(content.get() == who, "an entry has two users");
    }
    void done() { out = false; }
};

// The same interface; a pop leaves the tag as it is.
class list_without_tag {
public:
    list_without_tag(entry* table, std::size_t entries) noexcept : table_{table}, head_{{entries, 0}} {
        for (std::size_t n = 0; n < entries; ++n) table[n].next_free.store(static_cast<std::uint16_t>(n + 1), relaxed);
    }
    entry* try_pop() noexcept {
        for (;;) {
            auto now = head_.load(acquire);
            if (now.count == 0) return nullptr;
            entry& top = table_[now.top];
            auto const next = top.next_free.load(relaxed);
            if (head_.compare_exchange_weak(now, {now.count - 1, next}, relaxed, relaxed)) return &top;
        }
    }
    bool push(entry& freed) noexcept {
        auto now = head_.load(relaxed);
        do freed.next_free.store(static_cast<std::uint16_t>(now.top), relaxed);
        while (!head_.compare_exchange_weak(now, {now.count + 1, static_cast<std::size_t>(&freed - table_)}, acq_rel,
                                            relaxed));
        return false;
    }
    std::size_t size() const noexcept { return head_.load(relaxed).count; }

private:
    struct word {
        std::size_t count;
        std::size_t top;
        bool operator==(word const&) const = default;
    };
    entry* const table_;
    atomic<word> head_;
};

// One pops and is overtaken; another pops two and pushes the first of them back: pop, pop, push, push.
template <class List>
class overtaken {
public:
    void thread(int number) {
        if (number == 0) {
            keep(list_.try_pop(), 1);
        } else {
            entry* const first = list_.try_pop();
            if (first) first->use(2);
            entry* const second = list_.try_pop();
            if (second) second->use(3);
            give_back(first);
            keep(list_.try_pop(), 4);
            give_back(second);
        }
    }
    void finally() {
        while (entry* const one = list_.try_pop()) keep(one, 5);
        check(kept_ == table_.size(), "an entry was lost");
    }

private:
    void keep(entry* one, int who) {
        if (!one) return;
        one->use(who);
        ++kept_;
    }
    void give_back(entry* one) {
        if (!one) return;
        one->done();
        list_.push(*one);
    }
    std::array<entry, 3> table_;
    List list_{table_.data(), table_.size()};
    std::size_t kept_ = 0;
};

// Threads take and return, of two entries.
class takers {
public:
    explicit takers(std::size_t rounds) : rounds_{rounds} {}
    void thread(int number) {
        for (std::size_t n = 0; n < rounds_; ++n) {
            entry* const one = list_.try_pop();
            if (!one) continue;
            one->use(number);
            one->done();
            list_.push(*one);
        }
    }
    void finally() {
        check(list_.size() == table_.size(), "an entry was lost or doubled");
        entry* const first = list_.try_pop();
        entry* const second = list_.try_pop();
        check(first && second && first != second && !list_.try_pop(), "the chain is broken");
    }

private:
    std::size_t const rounds_;
    std::array<entry, 2> table_;
    free_list<entry> list_{table_.data(), table_.size()};
};

// Two return what they have used while the owner leaves; whoever is last ends everything, the list included.
class leavers {
public:
    leavers() {
        for (entry*& each : out_) each = shared_->list.try_pop();
    }
    void thread(int number) {
        if (number == 2) {
            shared_->owners_own.set(1);
            return ended(shared_->list.leave());
        }
        entry& mine = *out_[static_cast<std::size_t>(number)];
        mine.content.set(number);
        ended(shared_->list.push(mine));
    }
    void finally() { check(ends_ == 1, "the end came not once"); }

private:
    struct table_and_list {
        std::array<entry, 3> table;
        plain<int> owners_own;
        free_list<entry> list{table.data(), table.size()};
    };
    void ended(bool last) {
        if (!last) return;
        ++ends_;
        for (entry& each : shared_->table) each.content.set(9); // after all that the others did
        shared_->owners_own.set(9);
        shared_->list.~free_list(); // the memory stays, so that a touch which comes late is seen
        ::new (&shared_->list) free_list<entry>{shared_->table.data(), shared_->table.size()};
    }
    std::unique_ptr<table_and_list> shared_ = std::make_unique<table_and_list>();
    std::array<entry*, 2> out_{};
    int ends_ = 0;
};

// What stands in a block, for the explorer to see who touches it; one for each id.
using contents = std::array<plain<int>, 2>;

// Two slices of one block are copied, read and dropped by two threads, while a third would like to write into the block.
class sliced {
public:
    sliced() {
        block_lease lease = pool_.try_lease();
        inside_[lease.id()].set(1);
        slices_[0] = std::move(lease).freeze(8);
        slices_[1] = slices_[0].slice(4);
    }
    void thread(int number) {
        if (number == 2) {
            if (block_lease const lease = pool_.try_lease()) inside_[lease.id()].set(2);
            return;
        }
        bytes mine = std::move(slices_[static_cast<std::size_t>(number)]);
        bytes copy = mine;
        mine = {};
        check(inside_[0].get() == 1, "a block was written while a slice of it was held");
        copy = {};
    }
    void finally() { check(pool_.available() == 1, "a block was lost or doubled"); }

private:
    static buffer_pool_options one_block() {
        buffer_pool_options wanted;
        wanted.block_size = 64;
        wanted.blocks = 1;
        return wanted;
    }
    contents inside_;
    buffer_pool pool_{one_block()};
    std::array<bytes, 2> slices_;
};

// A buffer goes back to the start of its block when another thread has dropped the slice, and then writes there.
class refilled {
public:
    refilled() {
        in_.append("abcd");
        inside_.set(1);
        slice_ = in_.split(4);
        start_ = slice_.data();
    }
    void thread(int number) {
        if (number == 0) {
            bytes mine = std::move(slice_);
            check(inside_.get() == 1, "a slice was written over");
            mine = {};
        } else if (in_.prepare(1).data() == start_) {
            inside_.set(2);
        }
    }
    void finally() {}

private:
    plain<int> inside_;
    buffer in_{16};
    bytes slice_;
    std::byte const* start_ = nullptr;
};

// The pool goes while two threads hold a block of it, one of them as bytes.
class pool_goes_first {
public:
    pool_goes_first() {
        buffer_pool_options wanted;
        wanted.block_size = 64;
        wanted.blocks = 2;
        pool_.emplace(wanted);
        for (auto& each : leases_) each = pool_->try_lease();
        memory_ = pool_->memory().data();
    }
    void thread(int number) {
        if (number == 2) pool_.reset();
        else if (number == 0) leases_[0] = {};
        else static_cast<void>(std::move(leases_[1]).freeze(8).slice(3));
    }
    void finally() {
        unsigned char present = 0;
        check(::mincore(memory_, 1, &present) != 0, "the memory is still mapped");
    }

private:
    std::optional<buffer_pool> pool_;
    std::array<block_lease, 2> leases_;
    std::byte* memory_ = nullptr;
};

options within(int preemptions) {
    options limits;
    limits.preemptions = preemptions;
    limits.executions = 4'000'000;
    return limits;
}

} // namespace

TEST_CASE("a pop that is overtaken by pops and pushes takes nothing that is out") {
    holds("free list: pop against pop, pop, push, pop, push",
          explorer::explore<overtaken<free_list<entry>>>(2, within(3)));
}

TEST_CASE("a copy without a tag is found to hand out an entry that is out") {
    is_found("free list: a copy without a tag", explorer::explore<overtaken<list_without_tag>>(2, within(3)));
}

TEST_CASE("exactly one call is told that it was the last, after everything that the others did") {
    holds("free list: two push, the owner leaves", explorer::explore<leavers>(3, within(3)));
}

TEST_CASE("those who take from two and return lose nothing and never meet") {
    holds("free list: three threads, two entries, once each",
          explorer::explore<takers>(3, within(1), std::size_t{1}));
    holds("free list: two threads, two entries, twice each", explorer::explore<takers>(2, within(2), std::size_t{2}));
}

TEST_CASE("a block is leased again after all that was done with its slices") {
    holds("buffer pool: two slices dropped, a lease", explorer::explore<sliced>(3, within(3)));
}

TEST_CASE("a buffer writes where a slice was only after it was read") {
    holds("buffer: a slice dropped, the block used again", explorer::explore<refilled>(2, within(3)));
}

TEST_CASE("a pool that goes first leaves its memory to the last block") {
    holds("buffer pool: two returns, the pool goes", explorer::explore<pool_goes_first>(3, within(3)));
}
