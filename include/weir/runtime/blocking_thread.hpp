// weir/runtime/blocking_thread.hpp: what a thread of a blocking pool keeps from one job to the next, and ends itself.
// Threads:  the thread's own, as `current<blocking_thread>()`.
// For:      authors of primitives; others use worker_local.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/runtime/blocking_roster.hpp>

namespace weir::inline v0 {

// One thing that is kept. Its owner finds it again by its own address.
class belonging : public list_node {
public:
    explicit belonging(void const* owner) noexcept : owner_{owner} {}
    virtual ~belonging() = default; // on the thread that keeps it

    void const* owner() const noexcept { return owner_; }
    // Whether nobody will ask for it any more.
    virtual bool obsolete() const noexcept = 0;

private:
    void const* const owner_;
};

class blocking_thread : immovable {
public:
    explicit blocking_thread(blocking_roster& roster) noexcept : roster_{roster} {}
    ~blocking_thread() {
        while (belonging* const each = kept_.pop_front()) delete each;
    }

    blocking_roster& roster() const noexcept { return roster_; }

    // Null when the owner keeps nothing here.
    belonging* find(void const* owner) noexcept {
        belonging* each = kept_.front();
        while (each && each->owner() != owner) each = kept_.next(*each);
        return each;
    }
    void keep(belonging& one) noexcept { kept_.push_front(one); }
    void end(belonging& one) noexcept {
        one.list_node::unlink();
        delete &one;
    }
    // Ends what is obsolete.
    void tidy() noexcept {
        for (belonging* each = kept_.front(); each;) {
            belonging* const after = kept_.next(*each);
            if (each->obsolete()) end(*each);
            each = after;
        }
    }

private:
    blocking_roster& roster_;
    intrusive_list<belonging> kept_;
};

} // namespace weir
