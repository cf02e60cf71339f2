// tests/model/interrupt.cpp: work that returns while its interrupt is due: who is first, and that nobody is late.
#include "desk.hpp"

#include <weir/runtime/interrupt.hpp>

#include <array>
#include <chrono>
#include <cstddef>

using namespace weir;
using namespace weir::model;

namespace {

constexpr time_point start{};
constexpr std::chrono::hours hour{1};

// A table of one interrupt as it is easily written: the worker looks whether it is being called, and does not wait.
class impatient : timer {
public:
    impatient(timer_wheel& wheel, time_point at, duration, function_ref<void()> act) noexcept
        : timer{&claim, &due}, wheel_{wheel}, act_{act} {
        wheel_.insert(*this, at);
    }
    ~impatient() {
        over_.store(1, release);
        wheel_.cancel(*this);
    }
    void hurry(time_point) noexcept {}

private:
    static bool claim(timer&) noexcept { return true; }
    static void due(timer& self) noexcept {
        auto& me = static_cast<impatient&>(self);
        if (me.over_.load(acquire) == 0) me.act_();
    }
    timer_wheel& wheel_;
    function_ref<void()> const act_;
    atomic<int> over_{0};
};

// The work ends while the watchdog advances the wheel. What the interrupt uses ends with the work.
struct shape {
    duration repeat;
    bool hurried; // it is stopped, long before the deadline
};

template <class Interrupt>
class work_meets_deadline {
public:
    explicit work_meets_deadline(shape const& how) : how_{how} {}
    void thread(int number) {
        if (number == 0) {
            auto const act = [this] { used_.set(used_.get() + 1); };
            {
                Interrupt one{wheel_, how_.hurried ? start + 10 * hour : start + hour, how_.repeat, act};
                if (how_.hurried) one.hurry(start + hour);
            }
            used_.set(-1); // so a call that is under way, or comes later, is seen
        } else {
            wheel_.advance(start + 2 * hour);
            wheel_.advance(start + 3 * hour);
        }
    }
    void finally() {
        check(used_.get() == -1, "an interrupt came after the work");
        check(wheel_.size() == 0, "an interrupt stayed behind");
    }

private:
    shape const how_;
    timer_wheel wheel_{start};
    plain<int> used_{0};
};

// Two pieces of work that are due at once, so that one has to wait while the other's function is called.
class two_are_due {
public:
    void thread(int number) {
        if (number == 2) {
            wheel_.advance(start + 2 * hour);
            return;
        }
        auto& used = used_[static_cast<std::size_t>(number)];
        auto const act = [&used] { used.set(used.get() + 1); };
        { interrupt const one{wheel_, start + hour, duration::zero(), act}; }
        used.set(-1);
    }
    void finally() {
        for (auto& each : used_) check(each.get() == -1, "an interrupt came after the work");
        check(wheel_.size() == 0, "an interrupt stayed behind");
    }

private:
    timer_wheel wheel_{start};
    std::array<plain<int>, 2> used_;
};

constexpr options limits{.preemptions = 2, .executions = 20'000'000};
constexpr options deep{.preemptions = 3, .executions = 20'000'000};

} // namespace

TEST_CASE("no interrupt begins after the work, and one that is under way is waited for") {
    holds("interrupt: once", explorer::explore<work_meets_deadline<interrupt>>(2, deep, shape{duration::zero(), false}));
    holds("interrupt: again and again", explorer::explore<work_meets_deadline<interrupt>>(2, deep, shape{hour, false}));
    holds("interrupt: hurried", explorer::explore<work_meets_deadline<interrupt>>(2, deep, shape{hour, true}));
    holds("interrupt: two are due", explorer::explore<two_are_due>(3, limits));
}

TEST_CASE("mistakes around an interrupt are found") {
    is_found("interrupt: who is through does not wait",
             explorer::explore<work_meets_deadline<impatient>>(2, deep, shape{duration::zero(), false}));
}
