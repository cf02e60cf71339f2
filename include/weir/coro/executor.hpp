// weir/coro/executor.hpp: where a coroutine runs on: a queue of jobs that somebody else drains.
// The floors below the runtime post to an executor and never see a scheduler, so they also work inside another runtime.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>

#include <coroutine>

namespace weir::inline v0 {

enum class priority : unsigned char { high, normal, low };

// One unit of work. It lies in the frame of who waits or in a promise, so that queueing it allocates nothing.
// Needs: to stay where it is until it has run; whoever runs it touches it no more once `run` is called.
class job : immovable {
public:
    using run_function = void (*)(job&) noexcept;

    explicit job(run_function what) noexcept : run_{what} {}
    void run() noexcept { run_(*this); }

    atomic<job*> next{nullptr}; // belongs to the queue that holds the job

protected:
    ~job() = default;
    void run_with(run_function what) noexcept { run_ = what; }

private:
    run_function run_;
};

// A job that resumes a coroutine.
class resume_job : public job {
public:
    explicit resume_job(std::coroutine_handle<> handle = {}) noexcept
        : job{[](job& self) noexcept { static_cast<resume_job&>(self).handle_.resume(); }}, handle_{handle} {}

    void resumes(std::coroutine_handle<> handle) noexcept { handle_ = handle; }
    std::coroutine_handle<> handle() const noexcept { return handle_; }

private:
    std::coroutine_handle<> handle_;
};

// What a scheduler derives from.
// Threads: every function may be called from any thread.
class executor {
public:
    // Queues `work`, never runs it inside the call.
    virtual void post(job& work) noexcept = 0;
    // Queues `work` behind everything that is ready, for who gives way.
    virtual void post_last(job& work) noexcept { post(work); }
    // Queues `work` for whoever is free first, as the caller goes on with something else; for who forks.
    virtual void offer(job& work) noexcept { post(work); }
    // Takes `work` back, which was offered. True when nobody else has it or ever will: it is the caller's to run or not.
    // False for any reason: then it runs as it was queued.
    virtual bool take_back([[maybe_unused]] job& work) noexcept { return false; }
    // Where the same scheduler takes work of that priority from; itself where it knows of none. Lives as long as this.
    virtual executor& at([[maybe_unused]] priority level) noexcept { return *this; }

protected:
    executor() = default;
    ~executor() = default;
};

// A borrowed executor; empty by default.
class executor_ref {
public:
    executor_ref() = default;
    executor_ref(executor& target) noexcept : target_{&target} {}

    void post(job& work) const noexcept { target_->post(work); }
    void post_last(job& work) const noexcept { target_->post_last(work); }
    void offer(job& work) const noexcept { target_->offer(work); }
    bool take_back(job& work) const noexcept { return target_->take_back(work); }
    executor_ref at(priority level) const noexcept { return target_->at(level); }

    explicit operator bool() const noexcept { return target_ != nullptr; }
    bool operator==(executor_ref const&) const = default;

private:
    executor* target_ = nullptr;
};

} // namespace weir
