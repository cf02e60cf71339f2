// tests/model/frame_pool.cpp: frames that others free while their pool's owner collects them or leaves, in every order.
// Each block of memory must end exactly once, and what was done with a frame must happen before its next use.
#include "desk.hpp"

#include <weir/memory/frame_pool.hpp>

#include <array>
#include <cstdlib>
#include <new>
#include <optional>

using namespace weir;
using namespace weir::model;

namespace {

constexpr std::size_t frame_bytes = 944;
constexpr std::size_t block_bytes = frame_bytes + 16;

// The blocks and the pools of one execution. Their memory is not used twice in it, so that what comes late is seen.
class ledger {
public:
    static ledger& open() noexcept {
        static ledger one;
        return one;
    }
    void begin() noexcept {
        for (std::size_t n = 0; n < size_; ++n) std::free(entries_[n].memory);
        size_ = 0;
    }
    void* add(std::size_t bytes) noexcept {
        void* const memory = std::aligned_alloc(cache_line, (bytes + cache_line - 1) / cache_line * cache_line);
        if (size_ == entries_.size()) std::abort();
        entries_[size_].memory = memory;
        entries_[size_].lives = true;
        entries_[size_++].content = plain<int>{};
        return memory;
    }
    // False for what is not in here.
    bool end(void* memory) noexcept {
        entry* const ended = find(memory);
        if (!ended) return false;
        check(ended->lives, "memory was freed twice");
        ended->lives = false;
        return true;
    }
    // What the users of a frame write and read. It lies here: the frame itself is the pool's meanwhile.
    plain<int>& content_of(void* frame) noexcept {
        entry* const block = find(static_cast<char*>(frame) - 16);
        check(block && block->lives, "a frame lies in memory that is gone");
        return block->content;
    }
    bool all_ended() const noexcept {
        for (std::size_t n = 0; n < size_; ++n)
            if (entries_[n].lives) return false;
        return true;
    }

private:
    struct entry {
        void* memory = nullptr;
        bool lives = false;
        plain<int> content = plain<int>{};
    };
    entry* find(void* memory) noexcept {
        for (std::size_t n = 0; n < size_; ++n)
            if (entries_[n].memory == memory) return &entries_[n];
        return nullptr;
    }
    std::array<entry, 32> entries_{};
    std::size_t size_ = 0;
};

bool is_ours(std::size_t bytes) noexcept { return bytes == block_bytes && explorer::running(); }

void* get(std::size_t bytes) noexcept { return is_ours(bytes) ? ledger::open().add(bytes) : std::malloc(bytes); }

void put(void* memory) noexcept {
    if (memory && !ledger::open().end(memory)) std::free(memory);
}

} // namespace

// Blocks are told from all else by their size, pools by their alignment.
void* operator new(std::size_t bytes) {
    if (void* const memory = get(bytes)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::nothrow_t const&) noexcept { return get(bytes); }
void* operator new(std::size_t bytes, std::align_val_t) { return ledger::open().add(bytes); }
void operator delete(void* memory) noexcept { put(memory); }
void operator delete(void* memory, std::size_t) noexcept { put(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { put(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { put(memory); }

namespace {

// A pool that is made before the threads run, and then belongs to one of them.
class owned_pool {
public:
    owned_pool() : guard_{std::in_place}, pool_{this_frame_pool()} { set_this_frame_pool(nullptr); }
    // Before the threads run.
    void* make_frame() {
        set_this_frame_pool(pool_);
        void* const frame = frame_pool::allocate(frame_bytes);
        set_this_frame_pool(nullptr);
        return frame;
    }
    void sit() noexcept { set_this_frame_pool(pool_); }
    void leave() { guard_.reset(); }

private:
    std::optional<frame_pool_guard> guard_;
    frame_pool* const pool_;
};

class frames {
public:
    frames() { set_this_frame_pool(nullptr); }

protected:
    static void* make() {
        void* const frame = frame_pool::allocate(frame_bytes);
        use(frame);
        return frame;
    }
    static void use(void* frame) noexcept {
        auto& content = ledger::open().content_of(frame);
        content.set(content.get() + 1);
    }
    static void end(void* frame) noexcept {
        use(frame);
        frame_pool::deallocate(frame, frame_bytes);
    }
    static void judge() { check(ledger::open().all_ended(), "a block or a pool was left behind"); }

private:
    struct opened {
        opened() { ledger::open().begin(); }
    } opened_;
};

// The owner leaves while two threads without a pool free its frames; before it does, it makes so many, and ends them.
class owner_leaves : frames {
public:
    explicit owner_leaves(int made_before) : made_before_{made_before} {
        for (void*& frame : out_) frame = pool_.make_frame();
        kept_ = pool_.make_frame();
    }
    void thread(int number) {
        if (number != 0) return end(out_[static_cast<std::size_t>(number - 1)]);
        pool_.sit();
        end(kept_);
        void* made[2]{};
        for (int n = 0; n < made_before_; ++n) made[n] = make();
        for (int n = 0; n < made_before_; ++n) end(made[n]);
        pool_.leave();
    }
    void finally() { judge(); }

private:
    int const made_before_;
    owned_pool pool_;
    std::array<void*, 2> out_{};
    void* kept_ = nullptr;
};

// Two owners free each other's frames in parcels, and leave; one has frames of a third pool among them.
class owners_free_crosswise : frames {
public:
    owners_free_crosswise() {
        for (std::size_t n = 0; n < 2; ++n)
            for (void*& frame : of_[n]) frame = pools_[n].make_frame();
        for (void*& frame : of_third_) frame = third_.make_frame();
    }
    void thread(int number) {
        if (number == 2) {
            third_.sit();
            return third_.leave();
        }
        auto const self = static_cast<std::size_t>(number);
        pools_[self].sit();
        for (void* const frame : of_[1 - self]) {
            end(frame);
            if (self == 0) end(of_third_[frame == of_[1][0] ? 0 : 1]);
        }
        end(make()); // may take home what the other has sent
        pools_[self].leave();
    }
    void finally() { judge(); }

private:
    std::array<owned_pool, 2> pools_;
    owned_pool third_;
    std::array<std::array<void*, 2>, 2> of_{};
    std::array<void*, 2> of_third_{};
};

// A frame goes to another thread, which uses and frees it; the owner goes on making frames.
class frames_come_home : frames {
public:
    explicit frames_come_home(bool parcels) : parcels_{parcels} {
        for (void*& frame : out_) frame = pool_.make_frame();
    }
    void thread(int number) {
        if (number == 0) {
            pool_.sit();
            void* const one = make();
            void* const two = make();
            end(one);
            void* const three = make();
            end(two);
            end(three);
            return pool_.leave();
        }
        std::optional<frame_pool_guard> own;
        if (parcels_) own.emplace();
        end(out_[static_cast<std::size_t>(2 * number - 2)]);
        end(out_[static_cast<std::size_t>(2 * number - 1)]);
    }
    void finally() { judge(); }

private:
    bool const parcels_;
    owned_pool pool_;
    std::array<void*, 4> out_{};
};

} // namespace

TEST_CASE("an owner that leaves while others free: the last one of all ends the pool") {
    options const limits{.preemptions = 3};
    holds("frame pool: the owner leaves", explorer::explore<owner_leaves>(3, limits, 0));
    holds("frame pool: the owner makes a frame and leaves", explorer::explore<owner_leaves>(3, limits, 1));
    holds("frame pool: the owner makes two frames and leaves", explorer::explore<owner_leaves>(3, limits, 2));
}

TEST_CASE("frames that others freed come home, one by one and in parcels") {
    options const limits{.preemptions = 2};
    holds("frame pool: two free, the owner makes", explorer::explore<frames_come_home>(3, limits, false));
    holds("frame pool: two send parcels, the owner makes", explorer::explore<frames_come_home>(3, limits, true));
}

TEST_CASE("owners that free each other's frames and leave") {
    holds("frame pool: parcels crosswise", explorer::explore<owners_free_crosswise>(3, options{.preemptions = 2}));
}
