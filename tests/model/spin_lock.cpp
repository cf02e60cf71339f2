// tests/model/spin_lock.cpp: three that lock, two of them only if they can: one inside at a time, each after the last.
#include "desk.hpp"

#include <weir/cpu/spin_lock.hpp>

using namespace weir;
using namespace weir::model;

namespace {

class three_enter {
public:
    void thread(int number) {
        if (number == 0) {
            lock_.lock();
        } else if (!lock_.try_lock()) {
            return;
        }
        inside_.set(inside_.get() + 1); // a race when two are inside, or when the second does not see the first's end
        ++entered_;
        lock_.unlock();
    }
    void finally() {
        check(inside_.get() == entered_ && entered_ >= 1, "an entry was lost");
        check(lock_.try_lock(), "the lock was left locked");
    }

private:
    spin_lock lock_;
    plain<int> inside_;
    int entered_ = 0;
};

} // namespace

TEST_CASE("a lock lets one in at a time, and the next one sees what it did") {
    holds("spin_lock: one locks, two try", explorer::explore<three_enter>(3, options{.preemptions = 3}));
}
