// tests/support/manual_executor.hpp: an executor that runs a job when the test says so, in order or in a seeded order.
#pragma once

#include <weir/coro/executor.hpp>
#include <weir/coro/transfer.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <vector>

namespace weir::test {

// Threads: post from any; the rest from the one that drains.
class manual_executor : public executor {
public:
    manual_executor() = default;
    // Takes jobs in an order that the seed decides.
    explicit manual_executor(std::uint64_t seed) : random_{seed}, shuffles_{true} {}

    void post(job& work) noexcept override {
        std::lock_guard const locked{lock_};
        jobs_.push_back(&work);
    }

    std::size_t ready() const {
        std::lock_guard const locked{lock_};
        return jobs_.size();
    }
    // False when there was nothing to do.
    bool run_one() {
        job* work = nullptr;
        {
            std::lock_guard const locked{lock_};
            if (jobs_.empty()) return false;
            std::size_t const at = shuffles_ ? random_() % jobs_.size() : 0;
            work = jobs_[at];
            jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(at));
        }
        resume_loop loop;
        loop.run([&] { work->run(); });
        return true;
    }
    // Until nothing is left.  Returns: how many jobs ran.
    std::size_t run_all() {
        std::size_t ran = 0;
        while (run_one()) ++ran;
        return ran;
    }

private:
    mutable std::mutex lock_;
    std::vector<job*> jobs_;
    std::mt19937_64 random_;
    bool shuffles_ = false;
};

} // namespace weir::test
