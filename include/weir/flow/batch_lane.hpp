// weir/flow/batch_lane.hpp: the nodes of a batcher: one who waits for an answer, and a lane that sends batches.
// For:      authors of primitives.
//
// A request is            and lies in            a cancel
//   pending                its caller's frame     takes it out of the line; nobody has seen it
//   dispatched             the lane               leaves its place without an owner; the answer is dropped there
//   answered               (its caller's frame)   comes too late
// So a caller may go at any moment, and a handler never reads a frame that is not the lane's.
//
// A lane is
//   idle        suspended, in the list of idle lanes
//   collecting  on its way to take a batch: queued on an executor, or lingering
//   under way   it has a batch; the handler runs
#pragma once

#include <weir/coro/waiter.hpp>

#include <cstddef>
#include <memory>
#include <system_error>
#include <utility>

namespace weir::inline v0::detail {

class batch_core;
class batch_lane;
class batch_line;
class batch_partition;
class batch_twins;

// One who waits for its answer.
class batch_caller : public waiter {
protected:
    explicit batch_caller(batch_core& of) noexcept : waiter{&leave}, core_{of} {}
    // Gives back the lane that it has borrowed, if it is a handler that asks its own batcher.
    void settle() noexcept;
    // What its request counts towards the weight of a batch: at least one, so that nothing goes with one that fills it,
    // and at most what a batch may weigh.  Needs: not to be known to the batcher yet.
    void weighs(std::size_t weight) noexcept;
    // Requests that are the same as its own may be shared.  Needs: the same.
    void shares(batch_twins& twins) noexcept { twins_ = &twins; }
    // Whether both are of one partition.  Needs: to be called by the batcher, as it compares their requests.
    static bool together(batch_caller const& a, batch_caller const& b) noexcept { return a.partition_ == b.partition_; }

    batch_core& core_;
    std::error_code refused_;

private:
    friend batch_core;
    friend batch_lane;
    friend batch_line;
    static void leave(waiter& self) noexcept;

    time_point arrived_{};             // where time matters
    std::size_t weight_ = 0;         // where there are rules for it
    batch_twins* twins_ = nullptr;   // the same
    batch_lane* lane_ = nullptr;       // while dispatched
    batch_caller** place_ = nullptr;   // the lane's pointer to this, while dispatched
    batch_partition* partition_ = nullptr; // once it is known to the batcher
    bool lends_ = false;
    bool follows_ = false;           // it is linked behind an equal request, and only that one is in line or dispatched
};

// The parts of a lane that do not know what a request is.
class batch_lane : immovable {
public:
    context const& where() const noexcept { return where_; }
    // What the context of all that is done for this lane's batches says.
    void const* origin() const noexcept { return this; }
    std::size_t count() const noexcept { return count_; }
    // Who asked.  Needs: gathering; or its place to be claimed, then it is null where the caller has left.
    batch_caller* owner(std::size_t index) const noexcept { return owners_[index]; }
    void exchange_owners(std::size_t a, std::size_t b) noexcept {
        std::swap(owners_[a], owners_[b]);
        owners_[a]->place_ = &owners_[a];
        owners_[b]->place_ = &owners_[b];
    }
    // Queues it where its context says, behind all that is ready there: those may have requests, too, and a lane that ran
    // before them would send batches of one.  Needs: it to be collecting, and not to run.
    void launch() noexcept { where_.executor.post_last(turn_); }
    // Lets those go who left while their requests were moved.
    void end_gathering() noexcept { gathering_.store(false, release); } // [gathered]

    batch_lane* next = nullptr; // among the idle ones

protected:
    batch_lane() noexcept { where_.origin = origin(); }
    ~batch_lane() = default;
    void resumes(std::coroutine_handle<> run) noexcept { turn_.resumes(run); }
    // Room for so many; `owners` is the new array.
    void widen(std::unique_ptr<batch_caller*[]> owners, std::size_t capacity) noexcept {
        owners_ = std::move(owners);
        capacity_ = capacity;
    }
    std::size_t capacity() const noexcept { return capacity_; }

    context where_;

private:
    friend batch_core;
    friend batch_caller;
    batch_partition* partition_ = nullptr; // that it works for, unless idle
    resume_job turn_;
    std::unique_ptr<batch_caller*[]> owners_; // J5
    std::size_t capacity_ = 0;
    std::size_t count_ = 0;
    time_point began_{};            // its batch, where time matters
    atomic<bool> gathering_{false}; // raised under the lock
    intrusive_list<batch_caller> sharers_; // of the place that is being answered
};

} // namespace weir::detail
