// weir/coro/wait_book.hpp: who waits, where, and since when, and who holds what others wait for, while somebody wishes to
// know. Nothing is noted until the book is opened; then each wait is entered when it begins and struck out when it ends.
// Threads:  any.
// Cost:     closed: a load and a branch a wait. Open: an allocation, a look at the clock, two short critical sections.
// For:      authors of primitives: waiter.hpp and mutex.hpp note, runtime/dump.hpp reads.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/base/thread_words.hpp>
#include <weir/coro/wait_text.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <array>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <new>
#include <source_location>

namespace weir::inline v0 {

// One who waits for something, or who holds it.
class wait_entry : public list_node {
public:
    void const* key = nullptr; // the wait, or what is held
    std::coroutine_handle<> who;
    std::source_location where; // of the await expression; unknown where its line is 0
    std::uintptr_t awaits = 0; // a function that belongs to the kind of wait, and so names it
    describe_function describe = nullptr; // null: that name says all
    std::uintptr_t function = 0; // of a holder: what its frame began with
    std::chrono::steady_clock::time_point since;
    void const* worker = nullptr; // on which it has begun; null for other threads
};

class wait_book : immovable {
public:
    // Open from its construction to its end. What begins to wait before is not in the book.
    class reader : immovable {
    public:
        reader() noexcept { readers_.fetch_add(1, relaxed); } // a hint to who begins to wait
        ~reader() { readers_.fetch_sub(1, relaxed); } // a hint
    };
    // What a wait is entered with.
    class wait {
    public:
        wait(std::uintptr_t kind, describe_function tells = nullptr) noexcept : awaits{kind}, describe{tells} {}
        std::uintptr_t awaits;
        describe_function describe;
    };

    static bool open() noexcept { return readers_.load(relaxed) != 0; } // a hint
    // Enters a wait. False when there is no memory for it, and then it is not in the book.
    WEIR_COLD static inline bool enter(void const* key, std::coroutine_handle<> who, std::source_location where,
                                       wait what) noexcept;
    // Strikes it out.  Needs: entered.
    WEIR_COLD static inline void strike(void const* key) noexcept { delete take(pages_of(key).waits, key); }

    // Enters who has got `object`, which one coroutine at a time holds. False as above.
    WEIR_COLD static inline bool hold(void const* object, std::coroutine_handle<> who,
                                      std::source_location where) noexcept;
    // The same for one who is still in the book, waiting for it by that key.
    WEIR_COLD static inline bool hold_as_awaited(void const* object, void const* key) noexcept;
    // Strikes it out.  Needs: entered.
    WEIR_COLD static inline void release(void const* object) noexcept { delete take(pages_of(object).holds, object); }

    // Calls `visit` with each wait. Meanwhile that one's coroutine stays suspended, with all who await it.
    // Needs: `visit` to be short, and neither to wait nor to throw.
    template <class Visit>
    static void for_each(Visit visit) noexcept {
        for (pages& each : pages_) visit_all(each.waits, visit);
    }
    // The same with each who holds something. That one may run, or have ended and left to others what it got.
    template <class Visit>
    static void for_each_hold(Visit visit) noexcept {
        for (pages& each : pages_) visit_all(each.holds, visit);
    }

private:
    // B1: an entry is in its page from the wait's beginning until the coroutine, resumed, strikes it out under the lock.
    //     So who has the lock may look at the frames of those in the page, and at what they wait for.
    struct page {
        spin_lock lock;
        intrusive_list<wait_entry> entries;
    };
    struct pages {
        page waits;
        page holds;
    };
    static pages& pages_of(void const* key) noexcept {
        return pages_[(reinterpret_cast<std::uintptr_t>(key) >> 4) * 0x9E3779B97F4A7C15u >> 56];
    }
    static inline wait_entry* make(void const* key, std::coroutine_handle<> who, std::source_location where) noexcept;
    static void add(page& in, wait_entry& fresh) noexcept {
        spin_guard const locked{in.lock};
        in.entries.push_back(fresh);
    }
    // Needs: the lock.
    static wait_entry* find(page& in, void const* key) noexcept {
        wait_entry* one = in.entries.front();
        while (one && one->key != key) one = in.entries.next(*one);
        return one;
    }
    static wait_entry* take(page& in, void const* key) noexcept {
        spin_guard const locked{in.lock};
        wait_entry* const found = find(in, key);
        if (found) found->unlink(); // keeps B1
        return found;
    }
    template <class Visit>
    static void visit_all(page& in, Visit& visit) noexcept {
        spin_guard const locked{in.lock};
        for (wait_entry* one = in.entries.front(); one; one = in.entries.next(*one)) visit(*one);
    }

    alignas(cache_line) static inline atomic<unsigned> readers_{0}; // every wait reads it; nothing beside it changes
    alignas(cache_line) static inline std::array<pages, 256> pages_;
};

inline wait_entry* wait_book::make(void const* key, std::coroutine_handle<> who, std::source_location where) noexcept {
    auto* const fresh = new (std::nothrow) wait_entry;
    if (!fresh) return nullptr;
    fresh->key = key;
    fresh->who = who;
    fresh->where = where;
    fresh->since = std::chrono::steady_clock::now();
    fresh->worker = get_thread_word<thread_word::worker>();
    return fresh;
}

bool wait_book::enter(void const* key, std::coroutine_handle<> who, std::source_location where, wait what) noexcept {
    wait_entry* const fresh = make(key, who, where);
    if (!fresh) return false;
    fresh->awaits = what.awaits;
    fresh->describe = what.describe;
    add(pages_of(key).waits, *fresh);
    return true;
}

bool wait_book::hold(void const* object, std::coroutine_handle<> who, std::source_location where) noexcept {
    wait_entry* const fresh = make(object, who, where);
    if (!fresh) return false;
    fresh->function = *static_cast<std::uintptr_t const*>(who.address());
    add(pages_of(object).holds, *fresh);
    return true;
}

bool wait_book::hold_as_awaited(void const* object, void const* key) noexcept {
    page& in = pages_of(key).waits;
    std::coroutine_handle<> who;
    std::source_location where;
    {
        spin_guard const locked{in.lock};
        wait_entry const* const waits = find(in, key);
        if (!waits) return false;
        who = waits->who;
        where = waits->where;
    }
    return hold(object, who, where);
}

} // namespace weir
