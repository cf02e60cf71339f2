// tests/model/coalescer.cpp: callers that come, leave and meet a landing, an invalidation and the end of a lifetime, in
// every order: each is answered once, by one load, and nothing old is kept.
#include "desk.hpp"

#include <weir/coro/operation.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/coalescer.hpp>

#include <chrono>
#include <coroutine>
#include <deque>
#include <optional>

using namespace weir;
using namespace weir::model;

namespace {

// What a caller got: a version, or that it was stopped.
constexpr int stopped = -1;

// The time that lifetimes are measured in. Not of the model: it changes between two steps.
time_point told_now;
time_point tell_now() noexcept { return told_now; }

coalescer_options of_one_shard(duration lives, duration stale) {
    coalescer_options options;
    options.shards = 1;
    options.time_to_live = lives;
    options.stale_while_revalidate = stale;
    options.jitter = 0;
    options.now = &tell_now;
    return options;
}

// What is loaded: a number that is seen to be read while it lives, and to end after that.
class page {
public:
    explicit page(int version) { version_.set(version); }
    page(page&& other) noexcept { version_.set(other.version_.get()); }
    ~page() { version_.set(-7); }
    int version() const { return version_.get(); }

private:
    mutable plain<int> version_;
};

// What every load waits for: the load that came first goes on in a turn of its own, later ones at once. Deaf to stops.
class arrival : immovable {
    class waiting : resume_job {
    public:
        waiting(arrival& of, int seen) noexcept : of_{of}, seen_{seen} {}
        bool await_ready() noexcept { return of_.word_.load(acquire) == of_.arrived(); } // [arrives]
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
            resumes(self);
            where_ = context_of(self).executor;
            job* nobody = nullptr;
            return of_.word_.compare_exchange_strong(nobody, this, acq_rel, acquire); // [arrives]
        }
        page await_resume() const { return page{seen_}; }

    private:
        friend arrival;
        arrival& of_;
        int const seen_;
        executor_ref where_;
    };

public:
    operation<waiting, arrival&, int> load(int seen) { return operation<waiting, arrival&, int>{*this, seen}; }
    void comes() {
        job* const first = word_.exchange(arrived(), acq_rel); // [arrives]
        if (first && first != arrived()) static_cast<waiting*>(first)->where_.post(*first);
    }

private:
    job* arrived() noexcept { return &mark_; }
    struct nothing : job {
        nothing() noexcept : job{[](job&) noexcept {}} {}
    } mark_;
    atomic<job*> word_{nullptr};
};

// What the models ask for: so that copies with mistakes can stand in for it.
class real {
public:
    explicit real(duration lives = {}, duration stale = {})
        : pages_{[this](int const&) {
                     ++runs;
                     return arrives.load(version);
                 },
                 of_one_shard(lives, stale)} {}

    auto get() { return pages_.get(1); }
    void invalidate() { pages_.invalidate(1); }
    std::optional<int> peek() {
        auto const kept = pages_.peek(1);
        return kept ? std::optional{(*kept).version()} : std::nullopt;
    }
    task<> close() { return pages_.close(); }
    bool at_rest() const { return pages_.figures().in_flight == 0 && pages_.figures().waiters == 0; }

    arrival arrives;
    int version = 0;
    int runs = 0;

private:
    coalescer<int, page> pages_;
};

// The version that a caller got.
template <class Got>
int version_of(Got const& got) {
    return got ? (**got).version() : stopped;
}

// Copies for one key, with one mistake each.
enum class mistake : unsigned char { none, joins_the_dying, fills_after_invalidation, looks_then_links };

template <mistake Made>
class wrong {
    struct flight {
        intrusive_list<waiter> waiters;
        int waiting = 0;
        bool dying = false;
        context where;
    };
    class caller;
    struct answer { // as a handle
        page value;
        page const& operator*() const { return value; }
    };

public:
    explicit wrong(duration lives = {}) : keeps_{lives > duration::zero()} {}

    operation<caller, wrong&> get() { return operation<caller, wrong&>{*this}; }
    void invalidate() {
        spin_guard const held{lock_};
        listed_ = nullptr;
        kept_.reset();
    }
    std::optional<int> peek() { return kept_; }
    bool at_rest() const { return flying_ == 0; }

    arrival arrives;
    int version = 0;
    int runs = 0;

private:
    static walk flies(context const&, wrong& self, flight& one) {
        ++self.runs;
        auto const brought = co_await self.arrives.load(self.version);
        self.land(one, brought.version());
    }
    void land(flight& one, int seen) {
        wake_list woken;
        {
            spin_guard const held{lock_};
            if (keeps_ && (listed_ == &one || Made == mistake::fills_after_invalidation)) kept_ = seen;
            if (listed_ == &one) listed_ = nullptr;
            while (waiter* const next = one.waiters.pop_front())
                if (next->claim()) {
                    static_cast<caller*>(next)->got_ = one.dying ? stopped : seen;
                    woken.add(*next);
                }
            --flying_;
        }
        woken.wake_all();
    }

    bool const keeps_;
    spin_lock lock_;
    flight* listed_ = nullptr;
    std::optional<int> kept_;
    int flying_ = 0;
    std::deque<flight> flights_;
};

template <mistake Made>
class wrong<Made>::caller : waiter {
public:
    explicit caller(wrong& of) noexcept : waiter{&leave}, of_{of} {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
        if (!listen(self)) return false;
        wrong& of = of_;
        if (Made == mistake::looks_then_links) {
            {
                spin_guard const held{of.lock_};
                on_ = of.listed_;
            }
            spin_guard const held{of.lock_};
            if (on_) return link();
        }
        flight* led = nullptr;
        {
            spin_guard const held{of.lock_};
            if (of.kept_) {
                got_ = *of.kept_;
                complete_unpublished();
                return false;
            }
            on_ = of.listed_;
            if (!on_) on_ = led = &of.flights_.emplace_back();
            if (!link()) return false;
            if (led) {
                of.listed_ = led;
                ++of.flying_;
                led->where = context{where().executor};
            }
        }
        // ---- the caller may run elsewhere
        if (led) flies(led->where, of, *led);
        return true;
    }
    result<answer> await_resume() {
        auto const ended = finish();
        if (!ended) return ended.error();
        if (got_ == stopped) return errc::cancelled;
        return answer{page{got_}};
    }

private:
    friend wrong;
    bool link() noexcept {
        if (!publish()) return false;
        on_->waiters.push_back(*this);
        ++on_->waiting;
        return true;
    }
    static void leave(waiter& self) noexcept {
        auto& one = static_cast<caller&>(self);
        spin_guard const held{one.of_.lock_};
        if (!one.linked()) return;
        one.unlink();
        if (--one.on_->waiting != 0) return;
        one.on_->dying = true;
        if (Made != mistake::joins_the_dying && one.of_.listed_ == one.on_) one.of_.listed_ = nullptr;
    }
    wrong& of_;
    flight* on_ = nullptr;
    int got_ = stopped;
};

// Two callers, of whom one may be stopped, and what they wait for comes.
template <class Pages>
class two_callers {
public:
    void thread(int number) {
        if (number == 0) asks(stoppable_, *this, first_);
        else if (number == 1) asks(where_, *this, second_);
        else if (number == 2) pages_.arrives.comes();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(first_.ended == 1 && second_.ended == 1, "a caller was stranded, or answered twice");
        check(second_.got == 0, "a caller was given the end of another");
        check(first_.got == 0 || stop_.stop_requested(), "stopped without a stop");
        check(pages_.runs <= 2, "loaded more often than there were callers");
        check(pages_.at_rest(), "a flight did not land");
    }

private:
    struct caller {
        int ended = 0;
        int got = stopped;
    };
    static walk asks(context const&, two_callers& self, caller& as) {
        auto const got = co_await self.pages_.get();
        as.got = version_of(got);
        ++as.ended;
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    Pages pages_;
    caller first_;
    caller second_;
};

// A load, its landing, and an invalidation because there is a newer version.
template <class Pages>
class a_newer_version {
public:
    void thread(int number) {
        if (number == 0) {
            asks(where_, *this);
        } else if (number == 1) {
            pages_.version = 1;
            pages_.invalidate();
        } else {
            pages_.arrives.comes();
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "a caller was stranded, or answered twice");
        check(pages_.peek().value_or(1) == 1, "an old load has filled the cache after the invalidation");
        asks(where_, *this);
        desk_.run_all();
        check(ended_ == 2 && got_ == 1, "who asked later got what was older");
    }

private:
    static walk asks(context const&, a_newer_version& self) {
        auto const got = co_await self.pages_.get();
        self.got_ = version_of(got);
        ++self.ended_;
    }
    desk desk_;
    context const where_{desk_};
    Pages pages_{std::chrono::hours{1}};
    int ended_ = 0;
    int got_ = stopped;
};

// Something is kept; two ask, and its time ends; or it is invalidated in the hands of who hits it.
class kept_too_long {
public:
    kept_too_long(duration stale, bool invalidates) : pages_{std::chrono::hours{1}, stale}, invalidates_{invalidates} {
        told_now = time_point{std::chrono::hours{1000}};
        pages_.arrives.comes();
        asks(where_, *this);
        desk_.run_all();
        pages_.version = 1;
    }
    void thread(int number) {
        if (number < 2) asks(where_, *this);
        else if (invalidates_) pages_.invalidate();
        else told_now += std::chrono::hours{1};
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 3, "a caller was stranded, or answered twice");
        check(pages_.runs <= 2, "what had ended once was loaded twice");
        check(pages_.at_rest(), "a flight did not land");
    }

private:
    static walk asks(context const&, kept_too_long& self) {
        auto const page = co_await self.pages_.get();
        int const got = version_of(page);
        check(got == 0 || got == 1, "a caller got nothing");
        ++self.ended_;
    }
    desk desk_;
    context const where_{desk_};
    real pages_;
    bool const invalidates_;
    int ended_ = 0;
};

// Somebody closes while one asks and what it waits for comes.
class closes {
public:
    void thread(int number) {
        if (number == 0) asks(where_, *this);
        else if (number == 1) ends(where_, *this);
        else pages_.arrives.comes();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(answered_ == 1, "a caller was stranded, or answered twice");
        check(closed_ == 1, "close did not end");
        check(!pages_.peek(), "something is kept behind close");
    }

private:
    static walk asks(context const&, closes& self) {
        static_cast<void>(co_await self.pages_.get());
        ++self.answered_;
    }
    static walk ends(context const&, closes& self) {
        co_await self.pages_.close();
        check(self.pages_.at_rest(), "close ended before the flights");
        ++self.closed_;
    }
    desk desk_;
    context const where_{desk_};
    real pages_{std::chrono::hours{1}};
    int answered_ = 0;
    int closed_ = 0;
};

} // namespace

TEST_CASE("S1, S5, S6, S7: callers who come, leave and meet the landing are each answered once") {
    holds("coalescer: two callers, the load arrives",
          explorer::explore<two_callers<real>>(3, options{.preemptions = 3}));
    holds("coalescer: the same, and the first is stopped",
          explorer::explore<two_callers<real>>(4, options{.preemptions = 2}));
}

TEST_CASE("S10: what was invalidated while it was loaded is not kept") {
    holds("coalescer: a load, an invalidation, the landing",
          explorer::explore<a_newer_version<real>>(3, options{.preemptions = 3}));
}

TEST_CASE("S1: what has ended is loaded once, and nothing ends under who hits it") {
    holds("coalescer: two callers, the lifetime ends",
          explorer::explore<kept_too_long>(3, options{.preemptions = 3}, duration{}, false));
    holds("coalescer: the same, stale while it is loaded",
          explorer::explore<kept_too_long>(3, options{.preemptions = 3}, std::chrono::hours{9}, false));
    holds("coalescer: two callers, an invalidation",
          explorer::explore<kept_too_long>(3, options{.preemptions = 3}, duration{}, true));
}

TEST_CASE("S17: close answers who waits, and joins what is in the air") {
    holds("coalescer: a caller, close, the landing", explorer::explore<closes>(3, options{.preemptions = 3}));
}

TEST_CASE("copies of the coalescer with one mistake each are found") {
    holds("coalescer: a copy with none", explorer::explore<two_callers<wrong<mistake::none>>>(4, {}));
    is_found("coalescer: who comes joins a flight that everybody has left",
             explorer::explore<two_callers<wrong<mistake::joins_the_dying>>>(4, {}));
    is_found("coalescer: an old load fills the cache",
             explorer::explore<a_newer_version<wrong<mistake::fills_after_invalidation>>>(3, {}));
    is_found("coalescer: looks for a flight, lets go, and joins it",
             explorer::explore<two_callers<wrong<mistake::looks_then_links>>>(4, {}));
}
