// weir/runtime/worker.hpp: one thread of a runtime: its jobs, its timers, its driver, and the loop that serves them.
// Own jobs are taken last in first out, so that a child runs while its parent's data is warm; thieves take the oldest; and
// every so often the worker takes its own oldest and asks the kernel, so that nobody starves.
// For:      authors of primitives.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/current.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/transfer.hpp>
#include <weir/cpu/posters.hpp>
#include <weir/io/driver.hpp>
#include <weir/memory/frame_pool.hpp>
#include <weir/queue/deque.hpp>
#include <weir/queue/mpsc.hpp>
#include <weir/runtime/idle.hpp>
#include <weir/runtime/options.hpp>
#include <weir/timer/wheel.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weir {

class worker;

// What the workers of one runtime share.
class crew final : public executor, immovable {
public:
    explicit crew(unsigned size) : idle{size} {}

    // Threads: any. On a worker of this crew the job stays there, where others may steal it.
    void post(job& work) noexcept override;
    void post_last(job& work) noexcept override;

    // Wakes a sleeper if nobody is looking for work already.  Needs: as idle_workers::pick_sleeper.
    void wake_one() noexcept;

    std::vector<std::unique_ptr<worker>> workers; // does not change while threads run
    idle_workers idle;
    mpsc<job> inbox; // jobs from threads that are no workers here; whoever looks takes all
    atomic<bool> stopping{false};
    posters outside; // threads that are no workers here, in the middle of post
};

class worker : immovable {
public:
    worker(crew& shared, unsigned index) : crew_{shared}, index_{index}, random_{index * 0x9E3779B97F4A7C15u + 1} {}

    // On the worker's own thread: opens its driver. Its refusal of io_uring, if any, goes to `refusal`.
    void open(runtime_options const& options, std::string& refusal) {
        driver_ = io::open_driver(options.backend, options.ring_entries, refusal);
    }
    // Serves until the crew is stopping.  Needs: open().
    void run(context const& where);

    // Threads: any, once open.
    void wake() noexcept { driver_->wake(); }
    io::driver& driver() noexcept { return *driver_; }
    crew& shared() noexcept { return crew_; }

    // Threads: the worker's own.
    void push(job& work) noexcept;
    void push_last(job& work) noexcept { last_.push_back(work); }

private:
    static constexpr unsigned look_around_every = 61; // turns; a prime, so that it does not beat with batches

    job* next() noexcept;
    job* oldest() noexcept;
    void adopt(intrusive_fifo<job> batch) noexcept;
    job* search() noexcept;
    job* steal_from(worker& victim) noexcept;
    void serve_kernel(time_point until) noexcept;
    void rest() noexcept;
    bool anything_anywhere() noexcept;

    crew& crew_;
    unsigned const index_;
    deque<job*> ready_;
    intrusive_fifo<job> last_; // who yielded: behind everything in ready_
    timer_wheel wheel_{clock::now()};
    std::unique_ptr<io::driver> driver_;
    std::uint64_t random_;
    unsigned turn_ = 0;
    bool searching_ = false; // counted so in crew_.idle
};

inline void crew::post(job& work) noexcept {
    worker* const here = current<worker>();
    if (here && &here->shared() == this) return here->push(work);
    posters::visit const inside{outside};
    inbox.push(work); // seq_cst, as wake_one wants
    wake_one();
}

inline void crew::post_last(job& work) noexcept {
    worker* const here = current<worker>();
    if (here && &here->shared() == this) return here->push_last(work);
    post(work);
}

inline void crew::wake_one() noexcept {
    if (workers.size() == 1) return workers.front()->wake(); // it goes to sleep without a word
    if (auto const sleeper = idle.pick_sleeper()) workers[*sleeper]->wake();
}

inline void worker::push(job& work) noexcept {
    WEIR_TRY { ready_.push_bottom(&work); }
    WEIR_CATCH_ALL { // no memory for a longer ring: the inbox needs none
        crew_.inbox.push(work);
        return;
    }
    // A single job is the worker's own next one; from the second on there is something to share.
    if (crew_.workers.size() == 1 || ready_.size_hint() < 2) return;
    store_load_fence(); // [idle] between the push, which is a release, and the look at who sleeps
    crew_.wake_one();
}

// Pushed in reverse: the bottom of the deque is taken first.
inline void worker::adopt(intrusive_fifo<job> batch) noexcept {
    intrusive_fifo<job> reversed;
    while (job* const one = batch.pop_front()) reversed.push_front(*one);
    while (job* const one = reversed.pop_front()) push(*one);
}

inline job* worker::oldest() noexcept {
    if (!crew_.inbox.empty()) adopt(crew_.inbox.pop_all());
    if (job* const one = last_.pop_front()) return one;
    return ready_.steal().value; // null as well when a thief was faster
}

inline job* worker::next() noexcept {
    if (++turn_ % look_around_every == 0) {
        serve_kernel(time_point::min());
        if (job* const one = oldest()) return one;
    }
    if (job* const one = ready_.pop_bottom()) return one;
    if (!crew_.inbox.empty()) {
        adopt(crew_.inbox.pop_all());
        if (job* const one = ready_.pop_bottom()) return one;
    }
    // Not by way of the deque, whose last value costs two locked operations; the others go there for thieves to find.
    job* const one = last_.pop_front();
    if (crew_.workers.size() > 1 && !last_.empty()) adopt(std::exchange(last_, {}));
    return one;
}

inline job* worker::steal_from(worker& victim) noexcept {
    for (;;) {
        auto const got = victim.ready_.steal();
        if (got.status == steal_status::empty) return nullptr;
        if (got.status == steal_status::lost) continue;
        // Takes more along, at most half, so that the next theft is far off.
        for (auto more = victim.ready_.size_hint() / 2; more > 0; --more) {
            auto const extra = victim.ready_.steal();
            if (!extra) break;
            push(*extra.value);
        }
        return got.value;
    }
}

inline job* worker::search() noexcept {
    auto const count = static_cast<unsigned>(crew_.workers.size());
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17; // G. Marsaglia, "Xorshift RNGs", 2003
    auto const first = static_cast<unsigned>(random_ % count);
    for (unsigned i = 0; i < count; ++i) {
        unsigned const victim = (first + i) % count;
        if (victim == index_) continue;
        if (job* const one = steal_from(*crew_.workers[victim])) return one;
    }
    if (!crew_.inbox.empty()) adopt(crew_.inbox.pop_all());
    return ready_.pop_bottom();
}

inline void worker::serve_kernel(time_point until) noexcept {
    driver_->wait_until(until);
    if (wheel_.next() != no_deadline) wheel_.advance(clock::now());
}

inline bool worker::anything_anywhere() noexcept {
    if (!crew_.inbox.empty(seq_cst)) return true; // [idle]
    for (auto const& each : crew_.workers)
        if (!each->ready_.empty()) return true;
    return false;
}

// Nothing of its own is left: looks at the kernel, at the others, and then sleeps until one of them has something.
inline void worker::rest() noexcept {
    if (crew_.workers.size() == 1) return serve_kernel(wheel_.next()); // posts from elsewhere wake the driver
    serve_kernel(time_point::min());
    if (!ready_.empty() || !last_.empty()) return;
    if (searching_ || (searching_ = crew_.idle.start_searching())) {
        if (job* const one = search()) return push(*one);
    }
    bool const nobody_searches = crew_.idle.fall_asleep(index_, searching_);
    searching_ = false;
    if (nobody_searches) {
        store_load_fence(); // [idle] with the fence in push
        if (anything_anywhere()) crew_.wake_one(); // perhaps this very one
    }
    if (!crew_.stopping.load(seq_cst)) serve_kernel(wheel_.next()); // [stop] after falling asleep, as it wakes who sleeps
    searching_ = crew_.idle.wake_up(index_);
}

inline void worker::run(context const& where) {
    current_guard<worker> const as_worker{this};
    current_guard<io::driver> const with_driver{driver_.get()};
    current_guard<timer_wheel> const with_wheel{&wheel_};
    current_guard<context const> const with_context{&where};
    frame_pool_guard const with_frames;
    resume_loop loop;
    while (!crew_.stopping.load(acquire)) { // [stop]
        job* const one = next();
        if (!one) {
            rest();
            continue;
        }
        if (searching_) { // found something: if nobody else searches now, somebody should
            searching_ = false;
            if (crew_.idle.stop_searching()) crew_.wake_one();
        }
        loop.run([&] { one->run(); });
    }
    driver_->retire();
}

} // namespace weir
