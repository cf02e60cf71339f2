// tests/model/fork_join.cpp: children that are taken back here or fetched there: the parent goes on once, after the last.
#include "desk.hpp"

#include <weir/coro/fork_join.hpp>
#include <weir/coro/task.hpp>

#include <array>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::model;

namespace {

// A desk that gives back what came last. Each call is one step, and orders what was done before those it follows.
class giving_desk : public executor {
public:
    giving_desk() { frames_that_ended().clear(); }
    void post(job& work) noexcept override {
        turns_.fetch_add(1, acq_rel);
        jobs_.push_back(&work); // in the same step
    }
    bool take_back(job& work) noexcept override {
        turns_.fetch_add(1, acq_rel);
        if (jobs_.empty() || jobs_.back() != &work) return false;
        jobs_.pop_back();
        return true;
    }
    // Runs the oldest, on the calling thread; false when there is none.
    bool run_one() {
        turns_.fetch_add(1, acq_rel);
        if (jobs_.empty()) return false;
        job* const work = jobs_.front();
        jobs_.pop_front();
        resume_loop loop;
        loop.run([&] { work->run(); });
        return true;
    }

private:
    atomic<unsigned> turns_{0};
    std::deque<job*> jobs_;
};

// Thread 0 forks and runs the line, the others fetch what they find, at most so many.
template <std::size_t Children>
class forks {
public:
    forks(int fetches, bool first_suspends) : fetches_{fetches}, first_suspends_{first_suspends} {}
    void thread(int number) {
        if (number == 0) opens(where_, *this);
        else
            for (int n = 0; n < fetches_; ++n) desk_.run_one();
    }
    void finally() {
        while (desk_.run_one()) {}
        check(went_on_ == 1, "the parent went on not once");
    }

private:
    // Goes behind everything that is queued.
    class turn {
    public:
        explicit turn(giving_desk& at) noexcept : at_{at} {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) noexcept {
            again_.resumes(handle);
            at_.post(again_);
        }
        void await_resume() const noexcept {}

    private:
        giving_desk& at_;
        resume_job again_;
    };
    static task<int> child(forks& self, std::size_t index) {
        if (index == 0 && self.first_suspends_) co_await turn{self.desk_};
        self.ran_[index].set(self.ran_[index].get() + 1);
        co_return static_cast<int>(index);
    }
    static walk opens(context const&, forks& self) {
        std::vector<task<int>> children;
        for (std::size_t index = 0; index < Children; ++index) children.push_back(child(self, index));
        auto const values = co_await fork_join(std::move(children));
        for (std::size_t index = 0; index < Children; ++index) {
            check(self.ran_[index].get() == 1, "a child ran not once");
            check(values[index] == static_cast<int>(index), "another child's value");
        }
        ++self.went_on_;
    }

    int const fetches_;
    bool const first_suspends_;
    giving_desk desk_;
    context const where_{desk_};
    std::array<plain<int>, Children> ran_;
    int went_on_ = 0;
};

// A copy of the last step in which the look that saves the read-modify-write orders nothing.
class looks_without_order {
public:
    void thread(int number) {
        gave_[static_cast<std::size_t>(number)].set(1);
        if (left_.load(relaxed) == 1 || left_.fetch_sub(1, acq_rel) == 1)
            check(gave_[0].get() + gave_[1].get() == 2, "joined before the end");
    }
    void finally() {}

private:
    atomic<std::size_t> left_{2};
    std::array<plain<int>, 2> gave_;
};

// A copy in which a line that breaks off tells of its last child only.
class forgets_the_line {
public:
    void thread(int number) {
        std::size_t const told = 1; // thread 0 has run two
        if (left_.load(acquire) == told || left_.fetch_sub(told, acq_rel) == told) ++went_on_;
        static_cast<void>(number);
    }
    void finally() { check(went_on_ == 1, "the parent went on not once"); }

private:
    atomic<std::size_t> left_{3};
    int went_on_ = 0;
};

} // namespace

TEST_CASE("two children, taken back or fetched: the parent goes on once, after both (T1)") {
    holds("fork_join: two children, one thief", explorer::explore<forks<2>>(2, {}, 1, false));
    holds("fork_join: two children, the first suspends", explorer::explore<forks<2>>(2, {}, 2, true));
}

TEST_CASE("three children and two thieves: the line and the strays are told of together (T1)") {
    holds("fork_join: three children, one thief", explorer::explore<forks<3>>(2, {}, 2, false));
    holds("fork_join: three children, the first suspends", explorer::explore<forks<3>>(2, {}, 3, true));
    holds("fork_join: three children, two thieves", explorer::explore<forks<3>>(3, {}, 1, false));
}

TEST_CASE("a copy whose look orders nothing, and one that forgets its line, are found") {
    is_found("fork_join: a copy with a relaxed look", explorer::explore<looks_without_order>(2, {}));
    is_found("fork_join: a copy that forgets the line", explorer::explore<forgets_the_line>(2, {}));
}
