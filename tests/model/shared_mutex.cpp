// tests/model/shared_mutex.cpp: readers, a writer and a stop in every order: a writer is alone, and nobody is stranded.
#include "desk.hpp"

#include <weir/sync/shared_mutex.hpp>

#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// One writes and two read plain memory.
template <class Mutex>
class write_and_read {
public:
    void thread(int number) {
        if (number == 0) writes(where_, *this);
        else reads(where_, *this);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 3, "somebody was stranded");
        check(static_cast<bool>(lock_.try_lock()), "the lock was lost");
    }

private:
    static walk writes(context const&, write_and_read& self) {
        auto const inside = co_await self.lock_.lock();
        ++self.ended_;
        self.first_.set(1);
        self.second_.set(1);
    }
    static walk reads(context const&, write_and_read& self) {
        auto const inside = co_await self.lock_.lock_shared();
        ++self.ended_;
        int const seen = self.first_.get();
        check(seen == self.second_.get(), "a reader saw half of what was written");
    }
    desk desk_;
    context const where_{desk_};
    Mutex lock_;
    plain<int> first_;
    plain<int> second_;
    int ended_ = 0;
};

// A writer waits behind a reader, and in front of another; the first lets go while the writer is stopped.
class writer_is_stopped {
public:
    writer_is_stopped() : held_{lock_.try_lock_shared()} {
        writes(stoppable_, *this);
        reads(where_, *this);
    }
    void thread(int number) {
        if (number == 0) held_.release();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "somebody was stranded, or went on twice");
        check(read_, "a reader without a stop did not get in");
        check(static_cast<bool>(lock_.try_lock()), "the lock was lost");
    }

private:
    static walk writes(context const&, writer_is_stopped& self) {
        auto const inside = co_await self.lock_.lock();
        ++self.ended_;
        if (inside) self.data_.set(1);
    }
    static walk reads(context const&, writer_is_stopped& self) {
        auto const inside = co_await self.lock_.lock_shared();
        ++self.ended_;
        self.read_ = inside.has_value();
        static_cast<void>(self.data_.get());
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    shared_mutex lock_;
    permit held_;
    plain<int> data_;
    int ended_ = 0;
    bool read_ = false;
};

// A copy that has room for one reader beside the writer.
class one_too_many {
public:
    auto lock() noexcept { return permits_.acquire(2); }
    auto lock_shared() noexcept { return permits_.acquire(1); }
    permit try_lock() noexcept { return permits_.try_acquire(2); }

private:
    semaphore permits_{3};
};

} // namespace

TEST_CASE("a writer is alone among readers") {
    holds("shared_mutex: one writes, two read", explorer::explore<write_and_read<shared_mutex>>(3, {}));
}

TEST_CASE("a stop of a waiting writer meets the end of the reader in front of it (T7)") {
    holds("shared_mutex: reader lets go, writer is stopped",
          explorer::explore<writer_is_stopped>(2, options{.preemptions = 3}));
}

TEST_CASE("a copy with room for a reader beside the writer is found") {
    is_found("shared_mutex: one too many", explorer::explore<write_and_read<one_too_many>>(3, {}));
}
