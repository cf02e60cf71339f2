// tests/model/watch.cpp: send, wait, look, stop, close and end of a watch in every order: the last change is never slept
// through, none is told of twice, and what was borrowed stays as it was.
#include "desk.hpp"

#include "support/scale.hpp"

#include <weir/base/slot.hpp>
#include <weir/channel/watch.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// A value that notes who made it. Its end is not watched: that is ordered by the counts of std::shared_ptr, which are no
// atomics of the model.
class setting {
public:
    explicit setting(int content) noexcept { content_.set(content); }
    setting(setting&& other) noexcept { content_.set(other.content()); }
    int content() const noexcept { return content_.get(); }

private:
    mutable plain<int> content_;
};

// One waits for a change; one sends; a third, if there is one, stops the wait: then the change is still to be seen.
template <class Watch>
class change_meets_stop {
public:
    void thread(int number) {
        if (number == 0) waits(where_, *this);
        else if (number == 1) config_.send(setting{2});
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the receiver went on not once");
        check(told_ != mine_.has_changed(), "a change was lost, or is told of twice");
        check(mine_.borrow_and_update()->content() == 2, "not the latest value");
        check(!mine_.has_changed(), "a change was seen, and is still to be seen");
    }

private:
    static walk waits(context const&, change_meets_stop& self) {
        auto const changed = co_await self.mine_.changed();
        ++self.ended_;
        self.told_ = changed.has_value();
        if (changed) check(self.mine_.borrow()->content() == 2, "told of a change before it came");
        else check(self.stop_.stop_requested(), "a wait ended for nothing");
    }
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    Watch config_{setting{1}};
    typename Watch::receiver mine_ = config_.subscribe();
    int ended_ = 0;
    bool told_ = false;
};

// One sends twice and closes; another follows to the end; a third looks in between, or stops the one who follows.
template <class Watch>
class follow_to_the_end {
public:
    explicit follow_to_the_end(bool stops) : stops_{stops} {}
    void thread(int number) {
        if (number == 0) follows(stops_ ? stoppable_ : where_, *this);
        else if (number == 1) sends();
        else if (stops_) stop_.request_stop();
        else looks();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_, "the receiver was stranded");
        check(last_ == 3, "the last change was not seen");
        check(told_ == 1 || told_ == 2, "told of a change that was none");
    }

private:
    void sends() {
        config_.send(setting{2});
        config_.send(setting{3});
        config_.close();
    }
    void looks() {
        auto const before = config_.borrow();
        int const seen = before->content();
        auto const after = config_.borrow();
        check(after->content() >= seen && before->content() == seen, "an earlier value came back, or was changed");
    }
    static walk follows(context const&, follow_to_the_end& self) {
        for (;;) {
            auto const changed = co_await self.mine_.changed();
            if (!changed && changed.error() == errc::closed) break;
            if (!changed) {
                co_await use_context(self.where_); // and goes on
                continue;
            }
            ++self.told_;
            int const now = self.mine_.borrow()->content(); // may be one that is still to be told of
            check(now >= self.last_ && now > 1, "an earlier value came back");
            self.last_ = now;
        }
        self.ended_ = true;
    }
    bool const stops_;
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    Watch config_{setting{1}};
    typename Watch::receiver mine_ = config_.subscribe();
    int last_ = 0;
    int told_ = 0;
    bool ended_ = false;
};

// Who has heard the end destroys the watch, while the close may not have returned; what it borrowed it keeps.
class ends_when_closed {
public:
    ends_when_closed() {
        config_.construct(setting{1});
        mine_ = config_.value().subscribe();
    }
    void thread(int number) {
        if (number == 0) {
            waits(where_, *this);
        } else {
            config_.value().send(setting{2});
            config_.value().close();
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the receiver was stranded");
    }

private:
    static walk waits(context const&, ends_when_closed& self) {
        for (;;) {
            auto const changed = co_await self.mine_.changed();
            if (!changed) break;
        }
        ++self.ended_;
        auto const last = self.mine_.borrow();
        self.mine_ = {};
        self.config_.destroy();
        check(last->content() == 2, "what was borrowed ended with its watch");
    }
    desk desk_;
    context const where_{desk_};
    slot<watch<setting>> config_;
    watch<setting>::receiver mine_;
    int ended_ = 0;
};

// Who comes has seen what is there then, and is told of what comes after.
class comes_late {
public:
    void thread(int number) {
        if (number == 0) {
            before_ = config_.borrow()->content();
            mine_ = config_.subscribe();
            seen_ = mine_.borrow()->content();
            waits(where_, *this);
        } else {
            config_.send(setting{2});
        }
        desk_.run_ready();
    }
    void finally() {
        config_.close();
        desk_.run_all();
        check(ended_, "the receiver was stranded");
        check(told_ || seen_ == 2, "a change was slept through");
        check(!told_ || before_ == 1, "told of a change that came before the subscription");
        check(config_.receivers() == 1, "a receiver is counted twice, or not");
    }

private:
    static walk waits(context const&, comes_late& self) {
        auto const changed = co_await self.mine_.changed();
        self.told_ = changed.has_value();
        self.ended_ = true;
    }
    desk desk_;
    context const where_{desk_};
    watch<setting> config_{setting{1}};
    watch<setting>::receiver mine_;
    int before_ = 0;
    int seen_ = 0;
    bool told_ = false;
    bool ended_ = false;
};

enum class mistake { a_stop_counts_as_seen, looks_once, closed_hides_the_last_change, borrows_without_the_lock };

// A copy with a mistake, for one receiver.
template <mistake Made>
class mistaken {
    class wait;

public:
    class receiver {
    public:
        explicit receiver(mistaken* of) noexcept : of_{of} {}
        wait changed() noexcept { return wait{*this}; }
        bool has_changed() const noexcept { return of_->version_ != seen_; }
        std::shared_ptr<setting const> borrow() const noexcept { return of_->borrow(); }
        std::shared_ptr<setting const> borrow_and_update() noexcept {
            seen_ = of_->version_;
            return of_->borrow();
        }

    private:
        friend mistaken;
        mistaken* of_;
        std::uint64_t seen_ = 0;
    };

    explicit mistaken(setting initial) : value_{std::make_shared<setting const>(std::move(initial))} {}
    receiver subscribe() noexcept { return receiver{this}; }
    void send(setting value) {
        auto next = std::make_shared<setting const>(std::move(value));
        wake_list woken;
        {
            spin_guard const locked{lock_};
            swapped_.set(swapped_.get() + 1);
            value_.swap(next);
            ++version_;
            weir::detail::claim_all(waiting_, woken);
        }
        woken.wake_all();
    }
    void close() noexcept {
        wake_list woken;
        {
            spin_guard const locked{lock_};
            closed_ = true;
            weir::detail::claim_all(waiting_, woken);
        }
        woken.wake_all();
    }
    std::shared_ptr<setting const> borrow() noexcept {
        if (Made == mistake::borrows_without_the_lock) return look();
        spin_guard const locked{lock_};
        return look();
    }

private:
    std::shared_ptr<setting const> look() noexcept {
        static_cast<void>(swapped_.get());
        return value_;
    }
    class wait : public weir::detail::guarded_wait<wait> {
        using base = weir::detail::guarded_wait<wait>;

    public:
        explicit wait(receiver& by) noexcept : base{by.of_->lock_, by.of_->waiting_}, by_{by} {}
        result<void> await_resume() noexcept {
            auto const waited = this->finish();
            mistaken& of = *by_.of_;
            spin_guard const locked{of.lock_};
            bool const changed = of.version_ != by_.seen_;
            if (waited || Made == mistake::a_stop_counts_as_seen) by_.seen_ = of.version_;
            if (!waited) return waited;
            if (!changed || (Made == mistake::closed_hides_the_last_change && of.closed_)) return errc::closed;
            return {};
        }

    private:
        friend base;
        bool settle(wake_list&) noexcept {
            if (Made == mistake::looks_once && std::exchange(looked_, true)) return false;
            return by_.of_->closed_ || by_.of_->version_ != by_.seen_;
        }
        receiver& by_;
        bool looked_ = false;
    };

    spin_lock lock_;
    plain<int> swapped_; // how often: changes with value_, whose own insides are no plain memory of the model
    bool closed_ = false;
    std::uint64_t version_ = 0;
    std::shared_ptr<setting const> value_;
    intrusive_list<waiter> waiting_;
};

#if defined(__OPTIMIZE__)
constexpr bool quick = !weir::test::sanitized;
#else
constexpr bool quick = false;
#endif

} // namespace

TEST_CASE("a change meets a stop of who waits for it: it is told, or still to be seen (A2)") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("watch: send, wait", explorer::explore<change_meets_stop<watch<setting>>>(2, limits));
    holds("watch: send, wait, stop", explorer::explore<change_meets_stop<watch<setting>>>(3, limits));
}

TEST_CASE("who follows sees the last change and then the end; who looks sees no earlier value again (A1, A2)") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("watch: two sends, follow, look", explorer::explore<follow_to_the_end<watch<setting>>>(3, limits, false));
    holds("watch: two sends, follow, stop", explorer::explore<follow_to_the_end<watch<setting>>>(3, limits, true));
}

TEST_CASE("who comes late is told of what it has not seen, and of nothing else (A2)") {
    holds("watch: subscribe, wait, send", explorer::explore<comes_late>(2, options{.preemptions = 4}));
}

TEST_CASE("who has heard the end may destroy the watch at once, and keeps what it borrowed") {
    holds("watch: ends when closed", explorer::explore<ends_when_closed>(2, options{.preemptions = 3}));
}

TEST_CASE("copies with a mistake are found") {
    is_found("watch: a copy for which a stop counts as seen",
             explorer::explore<change_meets_stop<mistaken<mistake::a_stop_counts_as_seen>>>(3, {}));
    is_found("watch: a copy that looks once before it waits",
             explorer::explore<follow_to_the_end<mistaken<mistake::looks_once>>>(3, {}, false));
    is_found("watch: a copy whose close hides the last change",
             explorer::explore<follow_to_the_end<mistaken<mistake::closed_hides_the_last_change>>>(3, {}, false));
    is_found("watch: a copy that is looked at without the lock",
             explorer::explore<follow_to_the_end<mistaken<mistake::borrows_without_the_lock>>>(3, {}, false));
}
