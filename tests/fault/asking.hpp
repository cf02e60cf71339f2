// tests/fault/asking.hpp: coroutines that were made while there was memory, and ask for something when they are told to.
#pragma once

#include "support/started.hpp"

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/transfer.hpp>
#include <weir/sync/event.hpp>

#include <cstddef>
#include <new>
#include <utility>

namespace weir::test {

// Runs jobs when the test says so, first come, first served; allocates nothing.  Threads: one.
class line_executor : public executor, immovable {
public:
    void post(job& work) noexcept override { jobs_.push_back(work); }
    void run_all() {
        resume_loop loop;
        while (job* const one = jobs_.pop_front()) loop.run([&] { one->run(); });
    }

private:
    intrusive_fifo<job> jobs_;
};

// How an ask ended.
enum class answer : unsigned char { none, value, no_memory, refused, other };

// Asks by `co_await make()` once `go` is set. What it got is judged by `good`, which may not throw.
template <class Make, class Good>
class asker : immovable {
public:
    asker(executor& on, Make make, Good good)
        : make_{std::move(make)}, good_{std::move(good)}, run_{ask(this), context{on}} {}
    void go() noexcept { go_.set(); }
    answer ended() const noexcept { return ended_; }

private:
    static task<> ask(asker* self) {
        static_cast<void>(co_await self->go_.wait());
        try {
            auto got = co_await self->make_();
            self->ended_ = self->good_(got);
        } catch (std::bad_alloc const&) {
            self->ended_ = answer::no_memory;
        } catch (...) {
            self->ended_ = answer::other;
        }
    }

    Make make_;
    Good good_;
    event go_;
    answer ended_ = answer::none;
    started<task<>> run_;
};

} // namespace weir::test
