// tests/model/desk.hpp: what models share: an executor that any thread drains, a coroutine that walks by itself, and the
// words in which a search is reported.
#pragma once

#include "explorer.hpp"
#include "plain.hpp"

#include <weir/base/atomic.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/transfer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <vector>

namespace weir::model {

// The memory of frames that have ended, kept to the end of the execution: so the explorer sees a touch that comes late.
inline std::vector<std::unique_ptr<char[]>>& frames_that_ended() {
    static auto& kept = *new std::vector<std::unique_ptr<char[]>>;
    return kept;
}

// Posting and taking are one step each, and order what is posted before what runs, as any executor must.
class desk : public executor {
public:
    desk() { frames_that_ended().clear(); }
    void post(job& work) noexcept override {
        posts_.fetch_add(1, acq_rel);
        jobs_.push_back(&work); // in the same step
        ++posted_;
    }
    // Runs what lies there now, on the calling thread.
    void run_ready() {
        std::uint64_t seen = see();
        for (std::size_t left = jobs_.size(); left > 0; --left) {
            if (seen != posted_) seen = see(); // others have taken some and posted some since
            if (jobs_.empty()) return;
            job* const work = jobs_.front();
            jobs_.pop_front();
            static_cast<void>(work->next.load(relaxed)); // as a queue does: a job that has ended is noticed
            resume_loop loop;
            loop.run([&] { work->run(); });
        }
    }
    // The same until nothing is left.
    void run_all() {
        while (!jobs_.empty()) run_ready();
    }

private:
    // Orders what was posted before what the calling thread runs.  Returns: how many posts those were.
    std::uint64_t see() noexcept {
        posts_.exchange(0, acq_rel);
        return posted_; // in the same step
    }
    atomic<unsigned> posts_{0};
    std::uint64_t posted_ = 0;
    std::deque<job*> jobs_;
};

// A coroutine that starts at once in the context that is its first argument, and frees itself at its end.
struct walk {
    class promise_type {
    public:
        template <class... Args>
        explicit promise_type(context const& where, Args&&...) noexcept : context_{&where} {}
        walk get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
        context const& current_context() const noexcept { return *context_; }
        void set_context(context const& where) noexcept { context_ = &where; }

        [[gnu::noinline]] static void* operator new(std::size_t bytes) { return new char[bytes]; }
        [[gnu::noinline]] static void operator delete(void* frame) noexcept {
            frames_that_ended().emplace_back(static_cast<char*>(frame));
        }

    private:
        context const* context_;
    };
};

inline void print(char const* what, report const& found) {
    std::printf("%-78s %8llu executions, %s%s\n", what, static_cast<unsigned long long>(found.executions),
                found.failed      ? "failed: "
                : found.exhausted ? "exhausted"
                                  : "cut short",
                found.failed ? found.why.c_str() : "");
}

// Every order within the bound was run and none failed.
inline void holds(char const* what, report const& found) {
    print(what, found);
    INFO(found.why);
    CHECK(!found.failed);
    CHECK(found.exhausted);
}

// A mistake made on purpose was seen.
inline void is_found(char const* what, report const& found) {
    print(what, found);
    CHECK(found.failed);
}

} // namespace weir::model
