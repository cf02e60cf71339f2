// tests/model/broadcast.cpp: send, receive, stop, close, arrival and end of a broadcast in every order: every receiver
// sees every value once and in order, or is told that it missed it; nobody sleeps while there is something to hear.
#include "desk.hpp"

#include "support/scale.hpp"

#include <weir/base/slot.hpp>
#include <weir/channel/broadcast.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// A value that notes who uses the place that it lies in, and how many of its kind are alive.
class tidings {
public:
    explicit tidings(int content) noexcept { begin(content); }
    tidings(tidings const& other) noexcept { begin(other.content()); }
    tidings& operator=(tidings const&) = delete;
    ~tidings() {
        places::at(this).set(ended);
        --alive;
    }
    int content() const noexcept {
        int const found = places::at(this).get();
        check(found != ended, "a value was used after its end");
        return found;
    }
    static inline int alive = 0;

private:
    static constexpr int ended = -1;
    void begin(int content) noexcept {
        places::at(this).set(content);
        ++alive;
    }
};

// What a receiver has heard: numbers from 1 on, rising; and which it has missed.
class hearing {
public:
    void value(int number) {
        check(number > last_, "a value came twice, or out of order");
        check(!gap_ || number > last_ + 1, "a gap was told of where none is");
        check(gap_ || number == last_ + 1, "a value was skipped in silence");
        last_ = number;
        gap_ = false;
        ++values_;
    }
    void gap() { gap_ = true; }
    int values() const { return values_; }

private:
    int last_ = 0;
    int values_ = 0;
    bool gap_ = false;
};

// One receives; one sends; a third, if there is one, stops the wait: then the value is still to be had.
template <class Broadcast>
class send_meets_stop {
public:
    explicit send_meets_stop(bool closes) : closes_{closes} {}
    void thread(int number) {
        if (number == 0) receives(where_, *this);
        else if (number == 1) sends();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the receiver went on not once");
        received_ += mine_.try_recv().has_value();
        check(received_ == 1, "a value was lost or doubled");
        check(mine_.missed() == 0, "a value was missed though there was room");
    }

private:
    void sends() {
        check(news_.send(tidings{1}) == 1, "a receiver was not counted");
        if (closes_) news_.close();
    }
    static walk receives(context const&, send_meets_stop& self) {
        auto const got = co_await self.mine_.recv();
        ++self.ended_;
        if (got) self.received_ += got->content() == 1;
        else check(self.stop_.stop_requested() && got.error() == errc::cancelled, "a wait ended for nothing");
    }
    bool const closes_;
    places places_;
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    Broadcast news_{2};
    typename Broadcast::receiver mine_ = news_.subscribe();
    int ended_ = 0;
    int received_ = 0;
};

// One sends more than there is room for, and closes; others receive to the end, one of them in spite of a stop.
template <class Broadcast>
class receive_to_the_end {
public:
    explicit receive_to_the_end(bool stops) : stops_{stops} { tidings::alive = 0; }
    ~receive_to_the_end() {
        mine_[0] = {};
        mine_[1] = {};
    }
    void thread(int number) {
        if (number == 2) sends();
        else if (number == 3) stop_.request_stop();
        else receives(number == 1 && stops_ ? stoppable_ : where_, *this, static_cast<std::size_t>(number));
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a receiver was stranded");
        check(tidings::alive == 1, "more is kept than there is room for, or nothing");
        for (std::size_t n = 0; n < 2; ++n)
            check(heard_[n].values() + static_cast<int>(mine_[n].missed()) == sent, "a value is neither seen nor missed");
    }

private:
    static constexpr int sent = 3;
    void sends() {
        for (int n = 1; n <= sent; ++n) check(news_.send(tidings{n}) == 2, "a receiver was not counted");
        news_.close();
    }
    static walk receives(context const& where, receive_to_the_end& self, std::size_t number) {
        for (;;) {
            auto const got = co_await self.mine_[number].recv();
            if (got) {
                self.heard_[number].value(got->content());
            } else if (got.error() == errc::overloaded) {
                self.heard_[number].gap();
            } else if (got.error() == errc::cancelled) {
                check(where.stop.stop_possible(), "a wait ended for nothing");
                co_await use_context(self.where_); // and goes on
            } else {
                break;
            }
        }
        ++self.ended_;
    }
    bool const stops_;
    places places_;
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    Broadcast news_{1};
    std::array<typename Broadcast::receiver, 2> mine_{news_.subscribe(), news_.subscribe()};
    std::array<hearing, 2> heard_;
    int ended_ = 0;
};

// Who comes sees what is sent from then on; who leaves is not counted any more.
class comes_and_goes {
public:
    void thread(int number) {
        if (number == 0) {
            auto mine = news_.subscribe();
            while (auto const got = mine.try_recv()) heard_ += got->content();
            late_ = std::move(mine);
        } else if (number == 1) {
            for (int n = 1; n <= 2; ++n) counted_ += news_.send(tidings{n}) * static_cast<std::size_t>(n);
        } else {
            auto const gone = news_.subscribe();
        }
        desk_.run_ready();
    }
    void finally() {
        while (auto const got = late_.try_recv()) heard_ += got->content();
        check(late_.missed() == 0, "a value was missed though there was room");
        check(heard_ == 0 || heard_ == 2 || heard_ == 3, "what was sent first was heard, and what came after it was not");
        check(static_cast<int>(counted_) >= heard_, "who has heard a value was not counted");
        check(news_.receivers() == 1, "who left is still counted");
        late_ = {};
    }

private:
    places places_;
    desk desk_;
    broadcast<tidings> news_{2};
    broadcast<tidings>::receiver late_;
    std::size_t counted_ = 0;
    int heard_ = 0;
};

// Who has heard the end destroys the broadcast, while the close may not have returned.
class ends_when_closed {
public:
    ends_when_closed() {
        tidings::alive = 0;
        news_.construct(std::size_t{1});
        mine_ = news_.value().subscribe();
    }
    void thread(int number) {
        if (number == 0) {
            receives(where_, *this);
        } else {
            static_cast<void>(news_.value().send(tidings{1}));
            news_.value().close();
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the receiver was stranded");
        check(tidings::alive == 0, "a value outlived its broadcast");
    }

private:
    static walk receives(context const&, ends_when_closed& self) {
        for (;;) {
            auto const got = co_await self.mine_.recv();
            if (!got) break;
        }
        ++self.ended_;
        self.mine_ = {};
        self.news_.destroy();
    }
    places places_;
    desk desk_;
    context const where_{desk_};
    slot<broadcast<tidings>> news_;
    broadcast<tidings>::receiver mine_;
    int ended_ = 0;
};

enum class mistake { reads_for_who_leaves, looks_once, skips_in_silence };

// A copy with a mistake, and one place.
template <mistake Made>
class mistaken {
    class wait;

public:
    class receiver {
    public:
        receiver() = default;
        explicit receiver(mistaken* of) noexcept : of_{of} {}
        wait recv() noexcept { return wait{*this}; }
        std::optional<tidings> try_recv() noexcept {
            std::optional<tidings> value;
            spin_guard const locked{of_->lock_};
            if (!of_->ended(*this)) of_->read(*this, value);
            return value;
        }
        std::uint64_t missed() const noexcept { return missed_; }

    private:
        friend mistaken;
        mistaken* of_ = nullptr;
        std::uint64_t position_ = 0;
        std::uint64_t missed_ = 0;
    };

    explicit mistaken(std::size_t) noexcept {}
    receiver subscribe() noexcept {
        ++receivers_;
        return receiver{this};
    }
    std::size_t send(tidings value) noexcept {
        wake_list woken;
        {
            spin_guard const locked{lock_};
            kept_.reset();
            kept_.emplace(value);
            ++sent_;
            claim_all(woken);
        }
        woken.wake_all();
        return receivers_;
    }
    void close() noexcept {
        wake_list woken;
        {
            spin_guard const locked{lock_};
            closed_ = true;
            claim_all(woken);
        }
        woken.wake_all();
    }

private:
    struct node : waiter {
        node(abandon_function abandon, receiver& of) noexcept : waiter{abandon}, by{of} {}
        receiver& by;
        std::optional<tidings> value;
    };
    class wait : public weir::detail::guarded_wait<wait, node> {
        using base = weir::detail::guarded_wait<wait, node>;

    public:
        explicit wait(receiver& whose) noexcept : base{whose.of_->lock_, whose.of_->waiting_, whose} {}
        result<tidings> await_resume() noexcept {
            auto const waited = this->finish();
            if (!waited) return waited.error();
            mistaken& of = *this->by.of_;
            spin_guard const locked{of.lock_};
            if (!this->value && !of.ended(this->by) && !of.read(this->by, this->value)) return errc::overloaded;
            if (this->value) return *std::move(this->value);
            return errc::closed;
        }

    private:
        friend base;
        bool settle(wake_list&) noexcept {
            if (Made == mistake::looks_once && std::exchange(looked_, true)) return false;
            mistaken const& of = *this->by.of_;
            return of.closed_ || of.sent_ != this->by.position_;
        }
        bool looked_ = false;
    };

    bool ended(receiver const& by) const noexcept { return by.position_ == sent_; }
    // False for a gap.
    bool read(receiver& by, std::optional<tidings>& into) noexcept {
        std::uint64_t const skipped = sent_ - 1 - by.position_;
        by.position_ += skipped;
        if (skipped > 0 && Made != mistake::skips_in_silence) {
            by.missed_ += skipped;
            return false;
        }
        into.emplace(*kept_);
        ++by.position_;
        return true;
    }
    void claim_all(wake_list& woken) noexcept {
        while (node* const one = waiting_.pop_front()) {
            if (Made == mistake::reads_for_who_leaves && !ended(one->by)) read(one->by, one->value);
            if (one->claim()) woken.add(*one);
        }
    }

    spin_lock lock_;
    bool closed_ = false;
    std::size_t receivers_ = 0;
    std::uint64_t sent_ = 0;
    std::optional<tidings> kept_;
    intrusive_list<node> waiting_;
};

#if defined(__OPTIMIZE__)
constexpr bool quick = !weir::test::sanitized;
#else
constexpr bool quick = false;
#endif

} // namespace

TEST_CASE("a send meets a stop of who receives: the value is received or still to be had (T7, R2, R3)") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("broadcast: send", explorer::explore<send_meets_stop<broadcast<tidings>>>(2, limits, false));
    holds("broadcast: send, stop", explorer::explore<send_meets_stop<broadcast<tidings>>>(3, limits, false));
    holds("broadcast: send and close, stop", explorer::explore<send_meets_stop<broadcast<tidings>>>(3, limits, true));
}

TEST_CASE("two receive to the end, in order, and are told of each value that they missed (R1, R3)") {
    options limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("broadcast: two receive", explorer::explore<receive_to_the_end<broadcast<tidings>>>(3, limits, false));
    --limits.preemptions;
    holds("broadcast: two receive, stop", explorer::explore<receive_to_the_end<broadcast<tidings>>>(4, limits, true));
}

TEST_CASE("who comes hears what is sent from then on, and who leaves is not counted") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("broadcast: one comes, one goes, send", explorer::explore<comes_and_goes>(3, limits));
}

TEST_CASE("who has heard the end may destroy the broadcast at once (R1)") {
    holds("broadcast: ends when closed", explorer::explore<ends_when_closed>(2, options{.preemptions = 3}));
}

TEST_CASE("copies with a mistake are found") {
    is_found("broadcast: a copy that reads for who leaves",
             explorer::explore<send_meets_stop<mistaken<mistake::reads_for_who_leaves>>>(3, {}, false));
    is_found("broadcast: a copy that looks once before it waits",
             explorer::explore<receive_to_the_end<mistaken<mistake::looks_once>>>(3, {}, false));
    is_found("broadcast: a copy that skips in silence",
             explorer::explore<receive_to_the_end<mistaken<mistake::skips_in_silence>>>(3, {}, false));
}
