// tests/model/run_loop.cpp: jobs posted to a loop that sleeps, wakes and dies under its posters.
#include "desk.hpp"

#include <weir/base/slot.hpp>
#include <weir/coro/sync_wait.hpp>

using namespace weir;
using namespace weir::model;

namespace {

class counts_down final : public job {
public:
    counts_down(int& left, bool& done) noexcept
        : job{[](job& self) noexcept {
              auto& mine = static_cast<counts_down&>(self);
              if (--mine.left_ == 0) mine.done_ = true;
          }},
          left_{left}, done_{done} {}

private:
    int& left_;
    bool& done_;
};

// The loop runs until both jobs have, and ends at once.
class two_posters {
public:
    two_posters() { loop_.construct(); }
    void thread(int number) {
        if (number == 0) {
            loop_.value().run_until(done_);
            loop_.destroy();
        } else if (number == 1) {
            loop_.value().post(first_);
        } else {
            loop_.value().post(second_);
        }
    }
    void finally() { check(left_ == 0, "a job was lost"); }

private:
    slot<run_loop> loop_;
    int left_ = 2;
    bool done_ = false;
    counts_down first_{left_, done_};
    counts_down second_{left_, done_};
};

// A copy that does not count its posters.
class forgets_its_posters final : public executor {
public:
    void post(job& work) noexcept override {
        if (jobs_.push(work)) {
            wakes_.fetch_add(1, release);
            wakes_.notify_one();
        }
    }
    void run_until(bool const& done) {
        while (!done) {
            auto const seen = wakes_.load(acquire);
            auto ready = jobs_.pop_all();
            if (ready.empty()) {
                wakes_.wait(seen, acquire);
                continue;
            }
            while (job* const work = ready.pop_front()) work->run();
        }
    }

private:
    mpsc<job> jobs_;
    atomic<unsigned> wakes_{0};
};

class dies_under_a_poster {
public:
    dies_under_a_poster() { loop_.construct(); }
    void thread(int number) {
        if (number == 0) {
            loop_.value().run_until(done_);
            loop_.destroy();
        } else {
            loop_.value().post(only_);
        }
    }
    void finally() {}

private:
    slot<forgets_its_posters> loop_;
    int left_ = 1;
    bool done_ = false;
    counts_down only_{left_, done_};
};

} // namespace

TEST_CASE("no job is lost, no sleep is for ever, and the loop waits for its posters") {
    holds("run_loop: two posters, the loop ends at once", explorer::explore<two_posters>(3, {}));
}

TEST_CASE("a copy that does not wait for its posters is found") {
    is_found("run_loop: a copy that forgets its posters", explorer::explore<dies_under_a_poster>(2, {}));
}
