// tests/model/explorer.hpp: runs a small program of a few threads in every order that matters, and with every value that
// a load may see; depth first, with a bound on preemptions.
// The threads are fibers of one thread; each atomic operation of seam/weir/base/atomic.hpp is a point where another may
// go on. A bound of two preemptions finds nearly all bugs of this kind and keeps the space small enough to exhaust.
// Weak memory: an atomic keeps its last stores, and a load, or a compare-exchange that fails, may take any that
// happens-before, coherence and the order of seq_cst operations do not forbid. Stronger than the standard is: a store
// takes its place among the others of its word at once, and a load takes effect where it stands, but for the `late<T>`
// of plain.hpp. Plain memory is checked for races only in `plain<T>`.
// Source:   M. Musuvathi, S. Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs",
//           PLDI 2007; the histories follow B. Norris, B. Demsky, "CDSChecker", OOPSLA 2013.
#pragma once

#include "fiber.hpp"
#include "total_order.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::model {

inline constexpr int max_threads = 4;
using clock_vector = std::array<std::uint32_t, max_threads>;

inline void join(clock_vector& into, clock_vector const& other) noexcept {
    for (std::size_t n = 0; n < into.size(); ++n)
        if (into[n] < other[n]) into[n] = other[n];
}

struct options {
    int preemptions = 2;
    std::uint64_t executions = 1'000'000; // the most
    std::uint32_t steps = 4000;         // the most of one execution; more is a livelock
};

struct report {
    std::uint64_t executions = 0;
    bool exhausted = false; // every order within the bound was run
    bool failed = false;
    std::string why;
};

class explorer : immovable {
public:
    // Runs `Model` again and again: its constructor, `thread(n)` on each of `threads` fibers, `finally()`, its destructor.
    // A failed execution ends the search, and what it held is kept for ever, as no stack can be unwound.
    template <class Model, class... Args>
    static report explore(int threads, options limits, Args const&... args);

    // The one that runs; null outside of a search.
    static explorer*& running() noexcept {
        static explorer* one = nullptr;
        return one;
    }
    // The thread that runs; -1 in a constructor, destructor or `finally`, where nothing is interleaved.
    int thread() const noexcept { return current_ < threads_ ? current_ : -1; }
    clock_vector& time() noexcept { return states_[static_cast<std::size_t>(current_)].time; }

    // The order of seq_cst operations: what the running thread's next operation stands after, and its own entry.
    total_order::operations& stands_after() noexcept { return states_[static_cast<std::size_t>(current_)].stands_after; }
    bool order_allows(total_order::operations const& before, total_order::operations const& after) noexcept {
        return order_.allows(before | stands_after(), after);
    }
    std::size_t enter_order(total_order::operations const& before, total_order::operations const& after) noexcept {
        if (order_.full()) fail("more seq_cst operations than are kept");
        return order_.add(before | stands_after(), after);
    }
    // A step: what its thread saw and stored so far is seen by every thread after a later fence of its own.
    void fence() noexcept;
    clock_vector& sees() noexcept { return states_[static_cast<std::size_t>(current_)].sees; }

    // Before each atomic operation: another thread may go on here.
    void step() noexcept;
    // In a spin loop: the others go on until one of them has stored something.
    void give_way() noexcept;
    // Until `wake(where)`.
    void park(void const* where) noexcept;
    void wake(void const* where, bool everybody) noexcept;
    // After each store, whose number it gives: who gave way may look again.
    std::uint32_t stored() noexcept;
    // What a thread waited for comes in the end: its loads from there to its next store see every store up to this one.
    std::uint32_t seen_in_the_end() const noexcept { return states_[static_cast<std::size_t>(current_)].waited_until; }
    // One of `alternatives`; each is tried in turn.
    unsigned choose(unsigned alternatives) noexcept;
    [[noreturn]] void fail(std::string why) noexcept;

    // Lives and deaths of atomics, so that a touch after the end is seen although the memory is still there.
    std::size_t born() {
        alive_.push_back(true);
        return alive_.size() - 1;
    }
    void died(std::size_t id) noexcept { alive_[id] = false; }
    void touched(std::size_t id) noexcept {
        if (id >= alive_.size() || !alive_[id]) fail("an atomic was touched after its end");
    }

private:
    enum class state : unsigned char { ready, gave_way, parked, done };
    struct thread_state {
        state now = state::done;
        std::uint32_t waited_until = 0;
        void const* parked_on = nullptr;
        clock_vector time{};
        clock_vector sees{}; // times of other threads up to which what they knew is seen, though it need not happen before
        total_order::operations stands_after;
    };
    struct choice {
        unsigned taken;
        unsigned of;
    };
    struct seat {
        explorer* in;
        int number;
    };

    explorer(int threads, options limits) : threads_{threads}, limits_{limits} {
        for (int n = 0; n <= threads; ++n) seats_.push_back({this, n});
        for (auto& each : seats_) fibers_.push_back(std::make_unique<fiber>(&sit, &each));
    }
    static void sit(void* argument) {
        auto const& mine = *static_cast<seat*>(argument);
        for (;;) mine.in->turn(mine.number);
    }
    void turn(int number) {
        if (number == threads_) {
            host_turn();
            return;
        }
        run_(model_, number);
        states_[static_cast<std::size_t>(number)].now = state::done;
        hand_on();
    }
    // The fiber of the model's own thread: sets up, lets the threads run, and judges.
    void host_turn() {
        make_(*this);
        for (int n = 0; n < threads_; ++n) {
            auto& one = states_[static_cast<std::size_t>(n)];
            one = {};
            one.now = state::ready;
            one.time[static_cast<std::size_t>(n)] = 1;
        }
        hand_on();
        end_(*this);
        go_to(-1);
    }
    void execute() {
        position_ = 0;
        preemptions_ = 0;
        steps_ = 0;
        spins_ = 0;
        stores_ = 0;
        order_.clear();
        fences_ = {};
        order_of_fences_.reset();
        alive_.clear();
        current_ = threads_;
        outside_.switch_to(*fibers_.back());
    }
    bool advance() noexcept {
        while (!path_.empty() && path_.back().taken + 1 >= path_.back().of) path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().taken;
        return true;
    }
    int pick() noexcept;
    void hand_on() noexcept; // to whoever is picked; to the host when all are done
    void go_to(int number) noexcept {
        int const before = std::exchange(current_, number < 0 ? threads_ : number);
        fiber& from = *fibers_[static_cast<std::size_t>(before)];
        from.switch_to(number < 0 ? outside_ : *fibers_[static_cast<std::size_t>(number)]);
    }

    int const threads_;
    options const limits_;
    fiber outside_;
    std::vector<seat> seats_;
    std::vector<std::unique_ptr<fiber>> fibers_; // the last is the host's
    std::array<thread_state, max_threads> states_;
    std::vector<choice> path_;
    std::vector<bool> alive_;
    std::size_t position_ = 0;
    int current_ = 0;
    int preemptions_ = 0;
    int spins_ = 0;
    std::uint32_t steps_ = 0;
    std::uint32_t stores_ = 0;
    total_order order_;
    clock_vector fences_{}; // what is seen after all fences so far
    total_order::operations order_of_fences_;
    bool failed_ = false;
    std::string why_;

    void* model_ = nullptr;
    void const* arguments_ = nullptr;
    void (*make_)(explorer&) = nullptr;
    void (*run_)(void*, int) = nullptr;
    void (*end_)(explorer&) = nullptr;
};

inline unsigned explorer::choose(unsigned alternatives) noexcept {
    if (alternatives <= 1) return 0;
    if (position_ == path_.size()) path_.push_back({0, alternatives});
    if (path_[position_].of != alternatives) {
        std::fputs("weir model: the program under test does not repeat itself\n", stderr);
        std::abort();
    }
    return path_[position_++].taken;
}

inline int explorer::pick() noexcept {
    std::array<int, max_threads> ready{};
    unsigned count = 0;
    bool const may_stay = current_ < threads_ && states_[static_cast<std::size_t>(current_)].now == state::ready;
    auto const collect = [&] {
        if (may_stay) ready[count++] = current_;
        for (int n = 0; n < threads_; ++n)
            if (!(may_stay && n == current_) && states_[static_cast<std::size_t>(n)].now == state::ready)
                ready[count++] = n;
    };
    collect();
    if (count == 0) { // those that gave way look again, a few times: then nobody will ever store what they wait for
        if (++spins_ > 8) return -1;
        for (auto& one : states_)
            if (one.now == state::gave_way) one.now = state::ready;
        collect();
        if (count == 0) return -1;
    }
    if (may_stay && preemptions_ >= limits_.preemptions) return current_;
    unsigned const taken = choose(count);
    if (may_stay && taken != 0) ++preemptions_;
    return ready[taken];
}

inline void explorer::hand_on() noexcept {
    int const next = pick();
    if (next >= 0) {
        if (next != current_) go_to(next);
        return;
    }
    for (int n = 0; n < threads_; ++n)
        if (states_[static_cast<std::size_t>(n)].now != state::done) fail("a thread waits for what nobody will do");
    if (current_ != threads_) go_to(threads_);
}

inline void explorer::step() noexcept {
    if (++steps_ > limits_.steps) fail("no end in sight");
    ++time()[static_cast<std::size_t>(current_)];
    hand_on();
}

inline void explorer::fence() noexcept {
    if (thread() < 0) return;
    step();
    stands_after() |= order_of_fences_;
    stands_after().set(enter_order({}, {}));
    order_of_fences_ = stands_after();
    join(sees(), fences_);
    join(fences_, sees());
    join(fences_, time());
    ++time()[static_cast<std::size_t>(current_)];
}

inline void explorer::give_way() noexcept {
    if (thread() < 0) fail("the last thread waits for itself");
    auto& mine = states_[static_cast<std::size_t>(current_)];
    mine.now = state::gave_way;
    if (++steps_ > limits_.steps) fail("no end in sight");
    hand_on();
    mine.waited_until = stores_;
}

inline void explorer::park(void const* where) noexcept {
    if (thread() < 0) fail("the last thread waits for itself");
    auto& mine = states_[static_cast<std::size_t>(current_)];
    mine.now = state::parked;
    mine.parked_on = where;
    hand_on();
    mine.waited_until = stores_;
}

inline void explorer::wake(void const* where, bool everybody) noexcept {
    for (auto& one : states_)
        if (one.now == state::parked && one.parked_on == where) {
            one.now = state::ready;
            spins_ = 0;
            if (!everybody) return;
        }
}

inline std::uint32_t explorer::stored() noexcept {
    spins_ = 0;
    for (auto& one : states_)
        if (one.now == state::gave_way) one.now = state::ready;
    states_[static_cast<std::size_t>(current_)].waited_until = 0;
    return ++stores_;
}

inline void explorer::fail(std::string why) noexcept {
    failed_ = true;
    why_ = std::move(why);
    go_to(-1);
    std::abort(); // nobody comes back to a failed execution
}

template <class Model, class... Args>
report explorer::explore(int threads, options limits, Args const&... args) {
    // With the stacks and models of failed executions; never freed, so that a leak checker still finds what they hold.
    static auto& failures = *new std::vector<std::unique_ptr<explorer>>;
    auto holder = std::unique_ptr<explorer>{new explorer{threads, limits}};
    explorer& self = *holder;
    auto const make = [&] { return new Model(args...); };
    self.arguments_ = &make;
    self.make_ = [](explorer& in) { in.model_ = (*static_cast<decltype(make)*>(in.arguments_))(); };
    self.run_ = [](void* model, int number) { static_cast<Model*>(model)->thread(number); };
    self.end_ = [](explorer& in) {
        static_cast<Model*>(in.model_)->finally();
        delete static_cast<Model*>(in.model_);
    };
    running() = &self;
    report result;
    do {
        self.execute();
        ++result.executions;
    } while (!self.failed_ && !(result.exhausted = !self.advance()) && result.executions < limits.executions);
    running() = nullptr;
    result.failed = self.failed_;
    result.why = self.why_;
    if (self.failed_) failures.push_back(std::move(holder));
    return result;
}

// Ends a failed execution.
inline void check(bool holds, char const* what) noexcept {
    if (!holds) explorer::running()->fail(what);
}

} // namespace weir::model
