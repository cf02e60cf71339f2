// weir/runtime/blocking_pool.hpp: threads for calls that block, made when they are needed and ended when they are not.
// Order:    jobs begin in the order in which they came.
// Threads:  offer, withdraw and counts from any, also from a job.
// Cost:     a job allocates nothing: a spin lock to queue it and one to take it, and a wake-up if a thread sleeps.
// Not:      for work that computes: with more threads than cores it only takes longer.
// A job that waits for another job of the same pool keeps its thread meanwhile: when all threads do so and no more may be
// made, they wait for ever. A job may offer jobs; it should not wait for them.
#pragma once

#include <weir/base/current.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/cpu/posters.hpp>
#include <weir/io/blocking_executor.hpp>
#include <weir/runtime/blocking_house.hpp>
#include <weir/runtime/blocking_options.hpp>

#include <cstddef>
#include <system_error>
#include <utility>

namespace weir::inline v0 {

class blocking_pool final : public io::blocking_executor, immovable {
public:
    // Starts nothing.  Errors: no memory.
    explicit blocking_pool(blocking_options options = {}) : house_{new blocking_house{std::move(options)}} {}
    // As shutdown() without a deadline, unless shutdown was called; threads that were left over then end by themselves.
    ~blocking_pool();

    // Errors: overloaded; shut_down; or what the system said to the first thread. When it refuses a further one, the job
    // waits for those that exist.
    std::error_code offer(job& work) noexcept override;
    bool withdraw(job& work) noexcept override { return house_->roster.withdraw(work); }

    // Admits nothing more, lets the jobs that run end, and joins the threads. A job that has not begun is run all the
    // same, perhaps by the caller, and sees closing(): `blocking` then gives errc::shut_down and calls nobody.
    // Returns: how many threads were still in a job at the deadline. They go on, and so must live what their jobs use;
    //          nothing of the pool is used by them afterwards.
    // Threads: one, and none of the pool's own.
    unsigned shutdown(time_point until = no_deadline) noexcept;
    // True to every job that had not begun when shutdown was called.
    bool closing() const noexcept { return house_->roster.closed(); }

    // As blocking_roster does.
    std::size_t place_of(job const& work) noexcept { return house_->roster.place_of(work); }
    blocking_counts counts() noexcept { return house_->roster.counts(); }

private:
    blocking_house* const house_;
    posters offering_;
    bool shut_ = false;
};

inline std::error_code blocking_pool::offer(job& work) noexcept {
    posters::visit const inside{offering_}; // the job may end the pool's life before we are back
    auto const admitted = house_->roster.admit(work);
    if (!admitted) return admitted.error();
    return *admitted ? house_->grow(work) : std::error_code{};
}

inline unsigned blocking_pool::shutdown(time_point until) noexcept {
    blocking_thread* const here = current<blocking_thread>();
    if (here && &here->roster() == &house_->roster)
        WEIR_FATAL("a blocking pool was shut down by a job of its own, which would wait for itself");
    shut_ = true;
    house_->roster.close();
    while (job* const one = house_->roster.take()) one->run(); // its threads may all be busy for long
    return house_->wait_for_none(until);
}

inline blocking_pool::~blocking_pool() {
    offering_.wait_for_none();
    if (!shut_) shutdown();
    offering_.wait_for_none(); // a job that offered another one, in vain
    house_->let_go();
}

} // namespace weir
