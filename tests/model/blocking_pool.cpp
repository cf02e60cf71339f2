// tests/model/blocking_pool.cpp: jobs that are offered while threads expire, leave, or do not start: none is stranded;
// and the three who meet in a wait for a job.
// Threads of the pool are fibers that begin when the roster wants one; whether a keep-alive is over, the explorer
// chooses.
#include "desk.hpp"

#include <weir/runtime/blocking_roster.hpp>
#include <weir/runtime/blocking_wait.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

constexpr duration some_time = std::chrono::seconds{10}; // may be over at any moment
constexpr duration for_ever = duration::max();
constexpr std::size_t any_number = ~std::size_t{0};

class note : public job {
public:
    note() noexcept : job{[](job& self) noexcept { static_cast<note&>(self).runs.fetch_add(1, acq_rel); }} {}
    void wait() const noexcept { // for one that is stranded nobody will ever do anything, and the explorer says so
        while (runs.load(acquire) == 0) weir::pause();
    }
    atomic<int> runs{0};
};

// The threads of a pool, which are fibers that wait until somebody starts them, or all is over.
template <class Roster>
class fibers {
public:
    fibers(Roster& roster, std::size_t system_gives, duration keep_alive = some_time)
        : roster_{roster}, system_gives_{system_gives}, keep_alive_{keep_alive} {}

    // As blocking_house does it.
    std::error_code offer(job& work) {
        auto const admitted = roster_.admit(work);
        if (!admitted) return admitted.error();
        if (!*admitted) return {};
        if (given_ == system_gives_) {
            if (roster_.has_not_started(work)) return {};
            return system_error_code(EAGAIN);
        }
        wanted_[given_++].store(starts, release); // one of the fibers at a time is between two steps
        roster_.has_started();
        return {};
    }
    void serve(std::size_t number) {
        unsigned how = unknown;
        while ((how = wanted_[number].load(acquire)) == unknown) weir::pause();
        if (how == goes_home) return;
        typename Roster::seat mine;
        job* work = nullptr;
        for (;;) {
            auto const what = roster_.next(mine, keep_alive_, work);
            if (what == Roster::summons::leave) break;
            if (what == Roster::summons::work) work->run();
            else ++tidied;
        }
        ++left;
    }
    // The end: those that were not started go home, and the others leave.
    void end() {
        roster_.close();
        for (std::size_t n = given_; n < wanted_.size(); ++n) wanted_[n].store(goes_home, release);
    }

    int tidied = 0, left = 0;

private:
    enum : unsigned { unknown, starts, goes_home };
    Roster& roster_;
    std::size_t const system_gives_;
    duration const keep_alive_;
    std::size_t given_ = 0;
    std::array<atomic<unsigned>, 2> wanted_{};
};

struct shape {
    bool one_by_one;          // waits for each job before the next
    std::size_t system_gives; // threads, in all
    unsigned most;            // threads that the pool may have
};

// One who offers, two threads.
class one_offers {
public:
    explicit one_offers(shape const& how)
        : how_{how}, roster_{how.most, any_number}, fibers_{roster_, how.system_gives} {}
    void thread(int number) {
        if (number > 0) return fibers_.serve(static_cast<std::size_t>(number - 1));
        for (std::size_t n = 0; n < 2; ++n) {
            auto const refused = fibers_.offer(jobs_[n]);
            check(!refused || how_.system_gives < 2, "a job was refused");
            refused_[n] = static_cast<bool>(refused);
            if (how_.one_by_one && !refused) jobs_[n].wait();
        }
        for (std::size_t n = 0; n < 2; ++n)
            if (!refused_[n]) jobs_[n].wait(); // P2
        fibers_.end();
    }
    void finally() {
        for (std::size_t n = 0; n < 2; ++n)
            check(jobs_[n].runs.load(relaxed) == (refused_[n] ? 0 : 1), "a job ran although it was refused, or twice");
        check(roster_.counts().threads == 0, "a thread has not left");
    }

private:
    shape const how_;
    blocking_roster roster_;
    fibers<blocking_roster> fibers_;
    std::array<note, 2> jobs_;
    std::array<bool, 2> refused_{};
};

// Two who offer, one of them two jobs; the second to be through ends the pool.
class two_offer {
public:
    two_offer(std::size_t system_gives, duration keep_alive)
        : fibers_{roster_, system_gives, keep_alive}, system_gives_{system_gives} {}
    void thread(int number) {
        if (number == 2) return fibers_.serve(0);
        if (number == 0) offer(0);
        offer(number == 0 ? 2 : 1);
        if (through_.fetch_add(1, acq_rel) == 1) fibers_.end();
    }
    void finally() {
        for (std::size_t n = 0; n < jobs_.size(); ++n) {
            check(system_gives_ > 0 || refused_[n], "a job was taken, and there is no thread");
            check(jobs_[n].runs.load(relaxed) == (refused_[n] ? 0 : 1), "a job ran although it was refused, or twice");
        }
    }

private:
    void offer(std::size_t which) {
        refused_[which] = static_cast<bool>(fibers_.offer(jobs_[which]));
        if (!refused_[which]) jobs_[which].wait(); // P3
    }

    blocking_roster roster_{2, any_number};
    fibers<blocking_roster> fibers_;
    std::size_t const system_gives_;
    std::array<note, 3> jobs_;
    std::array<bool, 3> refused_{};
    atomic<int> through_{0};
};

// One takes a job back, which runs or is withdrawn; and one behind it that runs in any case.
class takes_back {
public:
    void thread(int number) {
        if (number > 0) return fibers_.serve(static_cast<std::size_t>(number - 1));
        check(!fibers_.offer(jobs_[0]), "a job was refused");
        bool const second = !fibers_.offer(jobs_[1]); // there is no thread for it if the first has left
        withdrawn_ = roster_.withdraw(jobs_[0]);
        if (!withdrawn_) jobs_[0].wait();
        if (second) jobs_[1].wait();
        fibers_.end();
    }
    void finally() { check(jobs_[0].runs.load(relaxed) == (withdrawn_ ? 0 : 1), "withdrawn, and ran"); }

private:
    blocking_roster roster_{1, any_number};
    fibers<blocking_roster> fibers_{roster_, 1};
    std::array<note, 2> jobs_;
    bool withdrawn_ = false;
};

// Who is told to tidy up does so before it sleeps on, or leaves.
class tidies {
public:
    void thread(int number) {
        if (number > 0) return fibers_.serve(static_cast<std::size_t>(number - 1));
        static_cast<void>(fibers_.offer(job_));
        job_.wait();
        roster_.tidy();
        while (fibers_.tidied == 0 && fibers_.left == 0) weir::pause();
        fibers_.end();
    }
    void finally() {}

private:
    blocking_roster roster_{1, any_number};
    fibers<blocking_roster> fibers_{roster_, 1};
    note job_;
};

// A sleeper as it is easily written: when its time is over it leaves, called or not.
class hasty {
public:
    void thread(int number) {
        if (number == 0) {
            queued_.store(1, release);
            called_.store(1, release);
            futex_wake_one(&called_);
            while (ran_.load(acquire) == 0) weir::pause();
        } else {
            while (called_.load(acquire) == 0)
                if (!futex_wait_until(called_, 0, deadline_after(some_time))) return;
            if (queued_.load(acquire) > 0) ran_.store(1, release);
        }
    }
    void finally() {}

private:
    atomic<int> queued_{0};
    futex_word called_{0};
    atomic<int> ran_{0};
};

// A pool of one job for the wait, with a thread that takes it when there is one.
class tray {
public:
    std::error_code offer(job& work) noexcept {
        spin_guard const locked{lock_};
        queued_ = &work;
        offered_.store(1, release);
        return {};
    }
    bool withdraw(job& work) noexcept {
        spin_guard const locked{lock_};
        if (queued_ != &work) return false;
        queued_ = nullptr;
        return true;
    }
    bool closing() const noexcept { return false; }
    bool was_offered() const noexcept { return offered_.load(acquire) == 1; }
    void run_one() {
        job* one = nullptr;
        {
            spin_guard const locked{lock_};
            one = std::exchange(queued_, nullptr);
        }
        if (one) one->run();
    }

private:
    spin_lock lock_;
    job* queued_ = nullptr;
    atomic<int> offered_{0};
};

class call : public blocking_wait<tray> {
public:
    call(tray& on, plain<int>& data) noexcept : blocking_wait{&on, &run}, data_{data} {}
    result<int> await_resume() noexcept {
        if (auto const ran = finish(); !ran) return ran.error();
        return data_.get();
    }

private:
    static void run(job& work) noexcept {
        auto& self = static_cast<call&>(work);
        if (self.begins()) self.data_.set(7);
        self.ends();
    }
    plain<int>& data_;
};

// One awaits, the pool's thread runs, a third stops.
class job_meets_stop {
public:
    void thread(int number) {
        if (number == 0) {
            begin(where_, *this);
            runs_.run_ready();
        } else if (number == 1) {
            while (!tray_.was_offered() && ended_.load(acquire) == 0) weir::pause();
            tray_.run_one();
        } else {
            stop_.request_stop();
        }
    }
    void finally() {
        runs_.run_all();
        check(ended_.load(relaxed) == 1, "the wait has ended twice");
    }

private:
    static walk begin(context const&, job_meets_stop& in) {
        result<int> const got = co_await call{in.tray_, in.data_};
        if (got) check(*got == 7, "what the job gave is not there");
        else check(got.error() == errc::cancelled && in.data_.get() == 0, "stopped, and the call has happened");
        in.ended_.fetch_add(1, acq_rel);
    }

    desk runs_;
    stop_source stop_;
    context const where_ = context{runs_}.with_stop(stop_.token());
    tray tray_;
    plain<int> data_{0};
    atomic<int> ended_{0};
};

constexpr options limits{.preemptions = 1, .executions = 20'000'000};
constexpr options deep{.preemptions = 2, .executions = 20'000'000};

} // namespace

TEST_CASE("P2: no job is stranded, though threads expire as it comes") {
    holds("blocking_roster: two jobs one by one", explorer::explore<one_offers>(3, limits, shape{true, 2, 2}));
    holds("blocking_roster: two jobs at once", explorer::explore<one_offers>(3, limits, shape{false, 2, 2}));
    holds("blocking_roster: two jobs, one thread at a time",
          explorer::explore<one_offers>(3, limits, shape{false, 2, 1}));
}

TEST_CASE("P3: where no thread is given a job runs on another, or is refused, and nobody waits for ever") {
    holds("blocking_roster: one thread and no more", explorer::explore<one_offers>(2, deep, shape{false, 1, 2}));
    std::size_t const none = 0, one = 1;
    holds("blocking_roster: two who offer, one thread", explorer::explore<two_offer>(3, limits, one, some_time));
    holds("blocking_roster: two who offer, one thread that stays",
          explorer::explore<two_offer>(3, limits, one, for_ever));
    holds("blocking_roster: two who offer, no thread", explorer::explore<two_offer>(3, limits, none, some_time));
}

TEST_CASE("P4: a job is withdrawn or runs") {
    holds("blocking_roster: a job is taken back", explorer::explore<takes_back>(2, deep));
}

TEST_CASE("a thread that is told to tidy up does so, or leaves") {
    holds("blocking_roster: tidy", explorer::explore<tidies>(2, deep));
}

TEST_CASE("a call that is awaited ends once, with its value or the stop, whoever of the three comes last") {
    holds("blocking_wait: a job meets a stop", explorer::explore<job_meets_stop>(3, deep));
}

TEST_CASE("mistakes about idle threads are found") {
    is_found("blocking_roster: who is late leaves without a look", explorer::explore<hasty>(2, limits));
}
