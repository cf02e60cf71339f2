// weir/runtime/worker.hpp: one thread of a runtime: its jobs, its timers, its driver, and the loop that serves them.
// Own jobs are taken last in first out, so that a child runs while its parent's data is warm; thieves take the oldest;
// and every so often the worker takes its own oldest and asks the kernel, so that nobody starves.
// For:      authors of primitives.
#pragma once

#include <weir/base/current.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/base/thread_words.hpp>
#include <weir/coro/budget.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/transfer.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/io/driver.hpp>
#include <weir/memory/frame_pool.hpp>
#include <weir/runtime/crew.hpp>
#include <weir/runtime/figures.hpp>
#include <weir/runtime/run_queue.hpp>
#include <weir/runtime/worker_tally.hpp>
#include <weir/timer/wheel.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace weir::inline v0 {

class worker : immovable {
public:
    worker(crew& shared, unsigned index)
        : crew_{shared}, index_{index}, with_priorities_{shared.options.priorities},
          random_{index * 0x9E3779B97F4A7C15u + 1} {}

    // On the worker's own thread: opens its driver. Its refusal of io_uring, if any, goes to `refusal`.
    void open(std::string& refusal) {
        driver_ = io::open_driver(crew_.options.backend, crew_.options.ring_entries, refusal);
        rouses_.store(driver_.get(), seq_cst); // [opened] who posts and misses it has posted before the look at the inbox
        store_load_fence(); // [opened]
    }
    // Serves until the crew is stopping, or until that time when there is one worker.  Needs: open().
    void serve(context const& where, time_point until = no_deadline);
    // The end, on the same thread.
    void retire() noexcept { driver_->retire(); }

    // Threads: any. Nothing happens before open(), as nobody sleeps here.
    void wake() noexcept {
        if (io::driver* const sleeps_in = rouses_.load(seq_cst)) sleeps_in->wake(); // [opened]
    }
    // Needs: open().
    io::driver& driver() noexcept { return *driver_; }
    bool is_open() const noexcept { return driver_ != nullptr; }
    crew& shared() noexcept { return crew_; }
    // Differs from one resume to the next, and is 0 while the worker has none to do.  Threads: any.
    std::uint64_t pulse() const noexcept { return tally_.pulse(); }

    // What it has done and has in hand.  Threads: any.
    worker_figures figures() noexcept;
    task_tally const& tasks() const noexcept { return tally_.tasks(); }
    // Null before open().  Threads: any.
    io::driver const* opened_driver() const noexcept { return rouses_.load(seq_cst); } // [opened]

    // Threads: the worker's own.
    void push(job& work, priority level) noexcept {
        if (queue(level).push(work)) share_out();
    }
    void push_last(job& work, priority level) noexcept { queue(level).push_last(work); }
    // For others to take at once, although this is the only one: the caller goes on with something else for long.
    void offer(job& work, priority level) noexcept {
        if (queue(level).share(work)) share_out();
    }
    // Takes back what was offered last, unless somebody has it; refuses now and then for no reason, so that a recursion
    // that never comes back to the loop ends there, and timers and the kernel are served.
    bool take_back(job& work, priority level) noexcept {
        if (--until_refusal_ == 0) return refuse();
        return queue(level).take_back(work);
    }
    unsigned index() const noexcept { return index_; }

private:
    // Turns; primes, so that they do not beat with batches.
    static constexpr unsigned look_around_every = 61; // the kernel, and the oldest job
    static constexpr unsigned low_every = 31; // with priorities: a job of low priority before all others
    static constexpr unsigned normal_every = 7; // and one of normal priority before the high ones

    static constexpr unsigned time_every = 16; // looks around: a turn is timed, about one in a thousand

    static constexpr unsigned refuse_every = 1024; // times that a job is taken back

    static constexpr unsigned most_stolen = 64; // in one go
    static constexpr unsigned most_skipped = 63; // chances to spin
    static constexpr duration doze = std::chrono::microseconds{200};

    run_queue& queue(priority level) noexcept { return queues_[static_cast<std::size_t>(level)]; }
    bool has_jobs() const noexcept {
        return !queues_[0].empty() || !queues_[1].empty() || !queues_[2].empty();
    }
    bool has_spoils() const noexcept {
        return !queues_[0].nothing_to_steal() || !queues_[1].nothing_to_steal() || !queues_[2].nothing_to_steal();
    }
    void share_out() noexcept {
        if (crew_.idle.short_handed()) crew_.wake_one();
    }

    bool refuse() noexcept {
        until_refusal_ = refuse_every;
        until_look_around_ = 1; // the next turn looks at the kernel
        return false;
    }
    job* next() noexcept;
    job* next_of(priority level) noexcept;
    job* next_by_priority() noexcept;
    job* look_around() noexcept;
    void time_turns() noexcept;
    void collect(priority level) noexcept;
    bool steal_from(worker& victim, priority level) noexcept;
    bool search() noexcept;
    bool spin() noexcept;
    bool anything_anywhere() noexcept;
    void serve_kernel(time_point until) noexcept;
    void park(time_point until) noexcept;
    void rest(time_point until) noexcept;
    void sleep() noexcept;

    crew& crew_;
    unsigned const index_;
    bool const with_priorities_;
    unsigned until_refusal_ = refuse_every;
    std::array<run_queue, priority_levels> queues_;
    timer_wheel wheel_{clock::now()};
    std::unique_ptr<io::driver> driver_;
    atomic<io::driver*> rouses_{nullptr}; // the same, for other threads
    turn_budget budget_;
    std::uint64_t random_;
    unsigned until_look_around_ = look_around_every;
    unsigned until_timed_ = time_every; // looks around
    time_point timed_from_; // the beginning of the turn that is timed, or nothing
    bool searching_ = false; // counted so in crew_.idle
    bool dozed_ = false; // slept for a while, and nothing came: the next sleep may be long
    unsigned spins_to_skip_ = 0;
    unsigned skip_next_ = 0; // after the next spin in vain

    worker_tally tally_; // for who looks in from elsewhere, on lines of its own
};

inline worker_figures worker::figures() noexcept {
    worker_figures now = tally_.figures();
    for (auto const& each : queues_) now.queued += each.size_hint();
    now.timers = wheel_.size();
    return now;
}

inline worker* crew::here() noexcept {
    auto* const one = static_cast<worker*>(get_thread_word<thread_word::worker>());
    return one && &one->shared() == this ? one : nullptr;
}

inline crew::crew(runtime_options const& told, unsigned size)
    : options{told}, idle{size}, lanes_{lane{*this, priority::high}, lane{*this, priority::normal},
                                        lane{*this, priority::low}} {}
inline crew::~crew() = default;

inline void crew::post_at(job& work, priority level) noexcept {
    if (worker* const self = here()) return self->push(work, level);
    posters::visit const inside{outside};
    inbox(level).push(work); // seq_cst, as wake_one wants
    wake_one();
}

inline void crew::post_last_at(job& work, priority level) noexcept {
    if (worker* const self = here()) return self->push_last(work, level);
    post_at(work, level);
}

inline void crew::offer_at(job& work, priority level) noexcept {
    if (worker* const self = here()) return self->offer(work, level);
    post_at(work, level);
}

inline bool crew::take_back_at(job& work, priority level) noexcept {
    worker* const self = here();
    return self && self->take_back(work, level);
}

inline void crew::wake_one() noexcept {
    if (workers.size() == 1) return workers.front()->wake(); // it goes to sleep without a word
    if (auto const sleeper = idle.pick_sleeper()) workers[*sleeper]->wake();
}

// What came from outside becomes the worker's own.
inline void worker::collect(priority level) noexcept {
    if (!crew_.inbox(level).empty() && queue(level).push_all(crew_.inbox(level).pop_all())) share_out();
}

inline job* worker::next_of(priority level) noexcept {
    run_queue& mine = queue(level);
    job* one = mine.pop();
    if (!one && !crew_.inbox(level).empty()) {
        collect(level);
        one = mine.pop();
    }
    // Thieves do not see who has yielded; where one sleeps, it is given them.
    if (mine.has_yielded() && crew_.idle.short_handed() && mine.share_last()) crew_.wake_one();
    return one;
}

inline job* worker::next() noexcept {
    if (--until_look_around_ == 0) {
        if (job* const one = look_around()) return one;
    }
    if (with_priorities_) return next_by_priority();
    return next_of(priority::normal);
}

inline job* worker::look_around() noexcept {
    until_look_around_ = look_around_every;
    if (timed_from_ != time_point{}) crew_.turn_times.record(clock::now() - std::exchange(timed_from_, {}));
    serve_kernel(time_point::min());
    collect(priority::normal);
    if (--until_timed_ == 0) time_turns();
    return queue(priority::normal).pop_oldest();
}

// The turn that begins is timed: it ends with the next look around, which is brought forward to just after it, so that
// all other turns cost nothing.
inline void worker::time_turns() noexcept {
    until_timed_ = time_every;
    until_look_around_ = 1;
    timed_from_ = clock::now();
}

inline job* worker::next_by_priority() noexcept {
    if (tally_.is_turn_of(low_every))
        if (job* const one = next_of(priority::low)) return one;
    if (tally_.is_turn_of(normal_every))
        if (job* const one = next_of(priority::normal)) return one;
    for (auto const level : {priority::high, priority::normal, priority::low})
        if (job* const one = next_of(level)) return one;
    return nullptr;
}

inline bool worker::steal_from(worker& victim, priority level) noexcept {
    for (;;) {
        auto const got = victim.queue(level).steal();
        if (got.status == steal_status::empty) return false;
        if (got.status == steal_status::lost) continue;
        // Takes more along, half and no more than it needs for a while, so that the next theft is far off.
        bool shared = false;
        for (auto more = std::min<std::size_t>(victim.queue(level).size_hint() / 2, most_stolen); more > 0; --more) {
            auto const extra = victim.queue(level).steal();
            if (!extra) break;
            tally_.steal();
            shared = queue(level).share(*extra.value) || shared;
        }
        queue(level).push(*got.value);
        tally_.steal();
        if (shared) share_out();
        return true;
    }
}

// True when the worker has something to do now.
inline bool worker::search() noexcept {
    auto const count = static_cast<unsigned>(crew_.workers.size());
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17; // G. Marsaglia, "Xorshift RNGs", 2003
    auto const first = static_cast<unsigned>(random_ % count);
    for (unsigned i = 0; i < count; ++i) {
        worker& victim = *crew_.workers[(first + i) % count];
        if (&victim == this || !victim.has_spoils()) continue;
        for (auto const level : {priority::high, priority::normal, priority::low})
            if (steal_from(victim, level)) return true;
    }
    for (auto const level : {priority::high, priority::normal, priority::low}) collect(level);
    return has_jobs();
}

// Looks for a while, since waking a thread that sleeps takes tens of microseconds. One at a time, and rarely where it was
// in vain.
inline bool worker::spin() noexcept {
    if (crew_.spin == duration{0} || !crew_.idle.searches_alone()) return false;
    if (spins_to_skip_ > 0) {
        --spins_to_skip_;
        return false;
    }
    auto const until = std::min(clock::now() + crew_.spin, wheel_.next());
    do {
        for (int n = 0; n < 16; ++n) pause(); // between looks: each takes lines away from who writes them
        if (search()) {
            skip_next_ = 0;
            return true;
        }
        serve_kernel(time_point::min());
        if (has_jobs()) {
            skip_next_ = 0;
            return true;
        }
    } while (clock::now() < until && !crew_.stopping.load(relaxed)); // a hint; sleep() looks again
    spins_to_skip_ = skip_next_ = std::min(2 * skip_next_ + 1, most_skipped);
    return false;
}

inline void worker::serve_kernel(time_point until) noexcept {
    driver_->wait_until(until);
    if (wheel_.next() != no_deadline) wheel_.advance(clock::now());
}

inline void worker::park(time_point until) noexcept {
    tally_.park();
    serve_kernel(until);
    if (has_jobs() || !crew_.inboxes_empty()) tally_.wake_up();
}

inline bool worker::anything_anywhere() noexcept {
    if (!crew_.inboxes_empty(seq_cst)) return true; // [idle]
    for (auto const& each : crew_.workers)
        if (each->has_spoils()) return true;
    return false;
}

// Nothing of its own is left: looks at the kernel, at the others, and then sleeps until one of them has something.
inline void worker::rest(time_point until) noexcept {
    timed_from_ = {}; // a look around may have found nothing
    tally_.rest();
    // Posts from elsewhere wake the driver of a single worker without asking.
    if (crew_.workers.size() == 1) return park(std::min(wheel_.next(), until));
    serve_kernel(time_point::min());
    if (has_jobs()) return;
    if (searching_ || (searching_ = crew_.idle.start_searching())) {
        if (search() || spin()) return;
    }
    sleep();
}

inline void worker::sleep() noexcept {
    auto const others = crew_.idle.fall_asleep(index_, searching_);
    searching_ = false;
    auto until = wheel_.next();
    bool const dozes = others == left_behind::workers && !dozed_;
    if (dozes) until = std::min(until, clock::now() + doze); // long enough for a busy server, and ends what N3 allows
    if (others != left_behind::searchers) {
        if (others == left_behind::workers && dozed_) crew_.idle.settle(); // [settled]
        else store_load_fence(); // [idle] after falling asleep
        if (anything_anywhere()) crew_.wake_one(); // perhaps this very one
    }
    if (!crew_.stopping.load(seq_cst)) park(until); // [stop] after falling asleep, as it wakes who sleeps
    searching_ = crew_.idle.wake_up(index_);
    dozed_ = dozes && !searching_ && !has_jobs();
}

inline void worker::serve(context const& where, time_point until) {
    current_guard<worker> const as_worker{this};
    current_guard<io::driver> const with_driver{driver_.get()};
    current_guard<blocking_pool> const with_blocking{crew_.blocking};
    current_guard<io::blocking_executor> const with_blocking_io{crew_.blocking};
    current_guard<timer_wheel> const with_wheel{&wheel_};
    current_guard<context const> const with_context{&where};
    thread_word_guard const near_worker{thread_word::worker, this};
    thread_word_guard const near_budget{thread_word::turn_budget, &budget_};
    thread_word_guard const near_tally{thread_word::task_tally, &tally_.tasks()};
    frame_pool_guard const with_frames;
    resume_loop loop;
    timed_from_ = {}; // left from the last time, perhaps
    while (!crew_.stopping.load(acquire)) { // [stop]
        if (until != no_deadline && clock::now() >= until) break;
        job* const one = next();
        if (!one) {
            rest(until);
            continue;
        }
        if (searching_) { // found something: if nobody else searches now, somebody should
            searching_ = false;
            if (crew_.idle.stop_searching()) crew_.wake_one();
        }
        tally_.begin_turn();
        budget_.refill();
        loop.run([&] { one->run(); });
    }
    tally_.rest();
}

} // namespace weir
