// weir/coro/wait_book.hpp: who waits, and since when, while somebody wishes to know.
// Nothing is noted until the book is opened; then each wait is entered when it begins and struck out when it ends.
// Threads:  any.
// Cost:     closed: a load and a branch a wait. Open: an allocation, a look at the clock, two short critical sections.
// For:      authors of primitives: waiter.hpp notes, runtime/dump.hpp reads.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/base/thread_words.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <array>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <new>

namespace weir {

// One who waits.
class wait_entry : public list_node {
public:
    void const* key = nullptr; // the waiter
    std::coroutine_handle<> who;
    std::uintptr_t awaits = 0; // a function that belongs to the kind of wait, and so names it
    std::chrono::steady_clock::time_point since;
    void const* worker = nullptr; // on which it has begun to wait; null for other threads
};

class wait_book : immovable {
public:
    // Open from its construction to its end. What begins to wait before is not in the book.
    class reader : immovable {
    public:
        reader() noexcept { readers_.fetch_add(1, relaxed); } // a hint to who begins to wait
        ~reader() { readers_.fetch_sub(1, relaxed); } // a hint
    };

    static bool open() noexcept { return readers_.load(relaxed) != 0; } // a hint
    // Enters a wait. False when there is no memory for it, and then it is not in the book.
    WEIR_COLD static inline bool enter(void const* key, std::coroutine_handle<> who, std::uintptr_t awaits) noexcept;
    // Strikes it out.  Needs: entered.
    WEIR_COLD static inline void strike(void const* key) noexcept;
    // Calls `visit` with each. Meanwhile that one's coroutine stays suspended, with all who await it.
    // Needs: `visit` to be short, and neither to wait nor to throw.
    template <class Visit>
    static void for_each(Visit visit) noexcept {
        for (page& each : pages_) {
            spin_guard const locked{each.lock};
            for (wait_entry* one = each.entries.front(); one; one = each.entries.next(*one)) visit(*one);
        }
    }

private:
    // B1: an entry is in its page from the wait's beginning until the coroutine, resumed, strikes it out under the lock.
    //     So who has the lock may look at the frames of those in the page.
    struct page {
        spin_lock lock;
        intrusive_list<wait_entry> entries;
    };
    static page& page_of(void const* key) noexcept {
        return pages_[(reinterpret_cast<std::uintptr_t>(key) >> 6) * 0x9E3779B97F4A7C15u >> 56];
    }

    static inline atomic<unsigned> readers_{0};
    static inline std::array<page, 256> pages_;
};

bool wait_book::enter(void const* key, std::coroutine_handle<> who, std::uintptr_t awaits) noexcept {
    auto* const fresh = new (std::nothrow) wait_entry;
    if (!fresh) return false;
    fresh->key = key;
    fresh->who = who;
    fresh->awaits = awaits;
    fresh->since = std::chrono::steady_clock::now();
    fresh->worker = get_thread_word<thread_word::worker>();
    page& in = page_of(key);
    spin_guard const locked{in.lock};
    in.entries.push_back(*fresh);
    return true;
}

void wait_book::strike(void const* key) noexcept {
    page& in = page_of(key);
    wait_entry* found = nullptr;
    {
        spin_guard const locked{in.lock};
        for (found = in.entries.front(); found && found->key != key;) found = in.entries.next(*found);
        if (found) found->unlink(); // keeps B1
    }
    delete found;
}

} // namespace weir
