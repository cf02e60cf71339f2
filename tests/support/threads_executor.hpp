// tests/support/threads_executor.hpp: an executor of several threads, each with a frame pool, and a wheel if one is given.
#pragma once

#include <weir/base/current.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/transfer.hpp>
#include <weir/memory/frame_pool.hpp>
#include <weir/timer/wheel.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::test {

class threads_executor : public executor, immovable {
public:
    explicit threads_executor(unsigned threads, timer_wheel* wheel = nullptr) {
        for (unsigned n = 0; n < threads; ++n) threads_.emplace_back([this, wheel] { drain(wheel); });
    }
    // Runs what is queued, then ends.
    ~threads_executor() {
        {
            std::lock_guard const locked{lock_};
            ends_ = true;
            wake_.notify_all();
        }
        for (auto& thread : threads_) thread.join();
    }

    void post(job& work) noexcept override {
        std::lock_guard const locked{lock_};
        jobs_.push_back(work);
        wake_.notify_one(); // under the lock, so that the destructor is not ahead of it
    }

private:
    void drain(timer_wheel* wheel) {
        frame_pool_guard const frames;
        current_guard<timer_wheel> const installed{wheel};
        resume_loop loop;
        for (;;) {
            job* work = nullptr;
            {
                std::unique_lock locked{lock_};
                wake_.wait(locked, [this] { return ends_ || !jobs_.empty(); });
                work = jobs_.pop_front();
            }
            if (!work) return;
            loop.run([&] { work->run(); });
        }
    }

    std::mutex lock_;
    std::condition_variable wake_;
    intrusive_fifo<job> jobs_;
    bool ends_ = false;
    std::vector<std::thread> threads_;
};

} // namespace weir::test
