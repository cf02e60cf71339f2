// tests/model/idle.cpp: workers that fall asleep, against one that pushes work and computes on, and against threads
// outside that post some: nobody sleeps over work, and a burst wakes as many as it needs.
// What surrounds the idle word here is what worker.hpp does: push, search, sleep; without queues, timers and drivers.
#include "desk.hpp"

#include <weir/cpu/pause.hpp>
#include <weir/runtime/idle.hpp>

#include <array>
#include <memory>

using namespace weir;
using namespace weir::model;

namespace {

// A place for one job, in some worker's deque or in the inbox.
class place {
public:
    void push() noexcept { state_.store(there, release); } // as the bottom of a deque
    void post() noexcept { state_.exchange(there, seq_cst); } // as an inbox
    bool empty(std::memory_order order) const noexcept { return state_.load(order) != there; }
    bool take() noexcept {
        int expected = there;
        return state_.load(relaxed) == there && state_.compare_exchange_strong(expected, taken, acquire, relaxed);
    }
    bool is_taken() const noexcept { return state_.load(acquire) == taken; }

private:
    enum : int { none, there, taken };
    atomic<int> state_{none};
};

// What the driver is to a worker that sleeps.
class bed {
public:
    void lie() noexcept {
        token_.wait(0, acquire);
        token_.store(0, relaxed); // whoever picks this worker again does so after its wake_up
    }
    void wake() noexcept {
        token_.exchange(1, acq_rel);
        token_.notify_one();
    }

private:
    atomic<int> token_{0};
};

// What may be done wrong, one at a time.
enum class mistake {
    none,
    no_settling, // before a long sleep no heavy fence
    no_last_look,
    looks_before, // and falls asleep afterwards
    no_chain, // who has found something wakes nobody
    refused_one_sleeps, // who was not let search takes it for granted that somebody does
};

// Workers 1 and up have nothing to do; each serves until it has run one job, or until nothing is left to come. Worker 0
// and the threads outside are the model's.
class house {
public:
    house(unsigned workers, mistake wrong) : idle{workers}, wrong_{wrong} {}

    void wake_one() {
        if (auto const sleeper = idle.pick_sleeper()) beds[*sleeper].wake();
    }
    void push(place& to) {
        to.push();
        if (idle.short_handed()) wake_one();
    }
    // From outside.
    void post(place& to) {
        to.post();
        wake_one();
    }
    // Until a job was found.  Returns: which.
    int work(unsigned self) {
        bool searching = false;
        for (;;) {
            if (searching || (searching = idle.start_searching())) {
                if (int const found = search(); found >= 0) {
                    if (idle.stop_searching() && wrong_ != mistake::no_chain) wake_one();
                    return found;
                }
            }
            searching = sleep(self, searching);
        }
    }

    idle_workers idle;
    std::array<bed, max_threads> beds;
    std::array<place, 2> places;

private:
    int search() {
        for (int n = 0; n < 2; ++n)
            if (places[static_cast<std::size_t>(n)].take()) return n;
        return -1;
    }
    bool anything(std::memory_order order) const {
        return !places[0].empty(order) || !places[1].empty(order);
    }
    bool sleep(unsigned self, bool searching) {
        if (wrong_ == mistake::looks_before) {
            store_load_fence();
            if (anything(seq_cst)) wake_one();
        }
        auto const others = idle.fall_asleep(self, searching);
        bool const refused = !searching;
        bool const looks = others != left_behind::searchers && wrong_ != mistake::no_last_look &&
                           wrong_ != mistake::looks_before && !(wrong_ == mistake::refused_one_sleeps && refused);
        if (looks) {
            if (others == left_behind::workers && wrong_ != mistake::no_settling) idle.settle();
            else store_load_fence();
            if (anything(seq_cst)) wake_one();
        }
        beds[self].lie();
        return idle.wake_up(self);
    }

    mistake const wrong_;
};

// Worker 0 pushes one job and then computes until it has been taken; the other may be anywhere between awake and asleep.
class one_push {
public:
    explicit one_push(mistake wrong) : all_{2, wrong} {}
    void thread(int number) {
        if (number == 1) {
            all_.work(1);
        } else {
            all_.push(all_.places[0]);
            while (!all_.places[0].is_taken()) weir::pause();
        }
    }
    void finally() {}

private:
    house all_;
};

// Two others, and two jobs: neither of them ends before the other is taken.
class burst {
public:
    explicit burst(mistake wrong) : all_{3, wrong} {}
    void thread(int number) {
        if (number == 0) {
            all_.push(all_.places[0]);
            all_.push(all_.places[1]);
            return;
        }
        auto const mine = static_cast<std::size_t>(all_.work(static_cast<unsigned>(number)));
        while (!all_.places[1 - mine].is_taken()) weir::pause();
    }
    void finally() {}

private:
    house all_;
};

// A thread outside posts one job to two workers that have nothing to do, or that one of which pushes another.
class post_from_outside {
public:
    explicit post_from_outside(mistake wrong) : all_{2, wrong} {}
    void thread(int number) {
        if (number == 0) all_.post(all_.places[0]);
        else if (number == 1) all_.work(1);
        else {
            all_.push(all_.places[1]);
            while (!all_.places[0].is_taken() && !all_.places[1].is_taken()) weir::pause();
            // Its turn ends: what is left is its own.
            for (auto& each : all_.places) static_cast<void>(each.take());
        }
    }
    void finally() {}

private:
    house all_;
};

// Worker 1 has found a job and runs it for as long as another waits to be taken; worker 0, which was not let search
// meanwhile, is all there is for that other job.
class refused_meanwhile {
public:
    explicit refused_meanwhile(mistake wrong) : all_{2, wrong} {
        all_.idle.start_searching(); // worker 1
        all_.places[0].push();
    }
    void thread(int number) {
        if (number == 1) {
            check(all_.places[0].take(), "nobody else searches");
            // It found its job, so its search ends; the job that is published now wakes nobody: both are awake.
            if (all_.idle.stop_searching()) all_.wake_one();
            all_.push(all_.places[1]);
            while (!all_.places[1].is_taken()) weir::pause();
        } else {
            all_.work(0);
        }
    }
    void finally() {}

private:
    house all_;
};

constexpr options deep{.preemptions = 3, .executions = 20'000'000};
constexpr options shallow{.preemptions = 1, .executions = 20'000'000};
constexpr options limits{.preemptions = 2, .executions = 20'000'000};

template <class Model>
report run(int threads, options bound, mistake wrong, bool kernel_helps) {
    asymmetric_fence::helps_from_now_on() = kernel_helps;
    return explorer::explore<Model>(threads, bound, wrong);
}

} // namespace

TEST_CASE("a job that is pushed while the others fall asleep is found, with no fence in the push and with one") {
    for (bool const helps : {true, false}) {
        holds("idle: one push, one who falls asleep", run<one_push>(2, deep, mistake::none, helps));
        holds("idle: one who was not let search", run<refused_meanwhile>(2, deep, mistake::none, helps));
    }
}

TEST_CASE("a burst wakes as many as it needs") {
    holds("idle: two pushes, two sleepers", run<burst>(3, limits, mistake::none, true));
    holds("idle: two pushes, two sleepers, a fence in each push", run<burst>(3, shallow, mistake::none, false));
}

TEST_CASE("a post from outside is found beside a push") {
    for (bool const helps : {true, false})
        holds("idle: a post, a push, one sleeper", run<post_from_outside>(3, limits, mistake::none, helps));
}

TEST_CASE("mistakes around falling asleep are found") {
    is_found("idle: a long sleep without settling", run<one_push>(2, deep, mistake::no_settling, true));
    is_found("idle: no last look", run<one_push>(2, deep, mistake::no_last_look, false));
    is_found("idle: looks, then falls asleep", run<one_push>(2, deep, mistake::looks_before, false));
    is_found("idle: who has found something wakes nobody", run<burst>(3, limits, mistake::no_chain, false));
    is_found("idle: who was not let search does not look",
             run<refused_meanwhile>(2, deep, mistake::refused_one_sleeps, false));
}
