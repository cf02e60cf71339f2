// weir/runtime/crew_threads.hpp: the threads of a crew's workers: each opens its own driver, and they begin together.
// For:      authors of primitives: runtime.hpp.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/cpu/affinity.hpp>
#include <weir/cpu/placement.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/cpu/topology.hpp>
#include <weir/runtime/crew.hpp>
#include <weir/runtime/worker.hpp>

#include <cstddef>
#include <latch>
#include <optional>
#include <pthread.h>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::inline v0 {

class crew_threads : immovable {
public:
    // Makes one for each worker, and returns when each has its driver. Why the first has not io_uring, where that was
    // wanted, goes to `refusal`.
    // Needs: `all` and `where` to outlive the threads.
    // Errors: std::bad_alloc, and what std::thread throws or a driver's opening; then the threads that there are serve
    //         nobody, and must be joined.
    void start(crew& all, context const& where, std::string& refusal);
    // Needs: the crew to be stopping, or a start that has failed. Nothing happens where none was made.
    void join();

private:
    // How they come to their drivers.
    struct opening {
        explicit opening(std::size_t workers) noexcept : all{static_cast<std::ptrdiff_t>(workers)} {}
        // Keeps the exception in flight.  Needs: to be called before one arrives.
        void fail() noexcept {
            spin_guard const locked{lock};
            if (!failure.failed()) failure.set_current_exception();
        }
        std::latch all; // passed when each has its own, or cannot: who passes it sees whether there is a failure
        spin_lock lock;
        outcome<void> failure; // the first
    };

    // A thread, from its beginning to its end.
    void run(crew& all, context const& where, unsigned index, cpu_set const& place, std::string& refusal);

    std::vector<std::thread> threads_;
    std::optional<opening> open_; // once they are started
};

inline void crew_threads::start(crew& all, context const& where, std::string& refusal) {
    auto const count = all.workers.size();
    std::vector<cpu_set> places;
    if (auto const allowed = this_thread_cpus(); allowed && all.options.pinning)
        places = place_threads(*all.options.pinning, count, read_topology(), *allowed);
    open_.emplace(count);
    threads_.reserve(count);
    WEIR_TRY {
        for (unsigned i = 0; i < count; ++i)
            threads_.emplace_back([this, &all, &where, &refusal, i, place = places.empty() ? cpu_set{} : places[i]] {
                run(all, where, i, place, refusal);
            });
    }
    WEIR_CATCH_ALL {
        open_->fail();
        open_->all.count_down(static_cast<std::ptrdiff_t>(count - threads_.size())); // for those that are missing
    }
    open_->all.wait();
    if (open_->failure.failed()) open_->failure.take(); // the threads that there are see it, too, and end
}

inline void crew_threads::run(crew& all, context const& where, unsigned index, cpu_set const& place,
                              std::string& refusal) {
    worker& self = *all.workers[index];
    WEIR_TRY {
        ::pthread_setname_np(::pthread_self(), all.name_of(index).substr(0, 15).c_str());
        if (!place.empty()) static_cast<void>(pin_this_thread(place)); // refused: then as without
        std::string why_not;
        self.open(why_not);
        if (index == 0) refusal = std::move(why_not);
    }
    WEIR_CATCH_ALL { open_->fail(); }
    bool const opened = self.is_open();
    if (opened) all.options.on_thread_start(index);
    open_->all.arrive_and_wait(); // a worker may wake any other from here on
    if (!open_->failure.failed()) self.serve(where);
    if (!opened) return;
    all.options.on_thread_stop(index);
    self.retire();
}

inline void crew_threads::join() {
    for (auto& each : threads_) each.join();
    threads_.clear();
}

} // namespace weir
