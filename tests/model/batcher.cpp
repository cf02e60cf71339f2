// tests/model/batcher.cpp: submit, stop, drain, shedding, sharing and close of a batcher in every order: each request is
// sent once or withdrawn, each caller goes on once, nobody is stranded, and nothing is touched after the end.
#include "desk.hpp"

#include "support/scale.hpp"

#include <weir/base/slot.hpp>
#include <weir/flow/batcher.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

using parcels = batcher<parcel, int>;

// One submits and may be stopped, one submits and stays. The handler looks at each request.
class submit_meets_stop {
public:
    void thread(int number) {
        if (number == 0) submits(stoppable_, *this, 0);
        else if (number == 1) stop_.request_stop();
        else submits(where_, *this, 1);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_[0] == 1 && (ended_[1] == 1 || !second_), "a caller went on not once, or was stranded");
        check(!second_ || had_[1], "a caller who stayed has no answer");
        check(sent_[0] <= 1 && sent_[1] <= 1, "a request was sent twice");
        auto const now = requests_.figures();
        check(now.items == static_cast<std::uint64_t>(sent_[0] + sent_[1]), "a batch was counted wrong");
        std::uint64_t const known = now.items + now.withdrawn;
        std::uint64_t const stayed = second_;
        check(known == stayed + 1 || (known == stayed && !had_[0]), "a request was lost");
        check(now.discarded + had_[0] + had_[1] == now.items, "an answer went astray");
        check(now.pending == 0 && now.in_flight == 0, "something is left");
    }

private:
    static walk submits(context const&, submit_meets_stop& self, std::size_t name) {
        if (name == 1) self.second_ = true;
        auto const got = co_await self.requests_.submit(parcel{static_cast<int>(name)});
        ++self.ended_[name];
        if (got) self.had_[name] = *got == static_cast<int>(name);
        else check(name == 0, "a wait ended for nothing");
    }
    places places_;
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    parcels requests_{[this](std::span<parcel> items, replies<int>& out) -> task<> {
        for (std::size_t n = 0; n < items.size(); ++n) {
            ++sent_[static_cast<std::size_t>(items[n].content())];
            out.set(n, items[n].content());
        }
        co_return;
    }};
    std::array<int, 2> ended_{};
    std::array<bool, 2> had_{};
    std::array<int, 2> sent_{};
    bool second_ = false;
};

// One submits, another closes the batcher and destroys it as soon as that ends.
class submit_meets_close {
public:
    submit_meets_close() {
        requests_.construct([](std::span<int> items, replies<int>& out) -> task<> {
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
            co_return;
        });
    }
    void thread(int number) {
        if (number == 0) submits(where_, *this);
        else resume_loop().run([&] { closes(where_, *this); });
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(answered_ == 1, "a caller was stranded");
        check(closed_ == 1, "the close did not end");
        requests_.destroy();
    }

private:
    static walk submits(context const&, submit_meets_close& self) {
        auto const got = co_await self.requests_.value().submit(3);
        ++self.answered_;
        check(got ? *got == 3 : got.error() == errc::closed, "a wait ended for nothing");
    }
    static walk closes(context const&, submit_meets_close& self) {
        co_await self.requests_.value().close();
        ++self.closed_;
        auto const now = self.requests_.value().figures();
        check(now.pending == 0 && now.in_flight == 0, "a close ended too early");
    }
    desk desk_;
    context const where_{desk_};
    slot<batcher<int, int>> requests_;
    int answered_ = 0;
    int closed_ = 0;
};

// A request is in line; who drains destroys the batcher, while the lane that has just answered goes to rest.
class ends_when_drained {
public:
    ends_when_drained() {
        requests_.construct([](std::span<int> items, replies<int>& out) -> task<> {
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
            co_return;
        });
        submits(where_, *this);
    }
    void thread(int number) {
        if (number == 1) drains(where_, *this);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(answered_ == 1 && ended_ == 1, "a coroutine was stranded");
    }

private:
    static walk submits(context const&, ends_when_drained& self) {
        auto const got = co_await self.requests_.value().submit(3);
        self.answered_ += got && *got == 3;
    }
    static walk drains(context const&, ends_when_drained& self) {
        static_cast<void>(co_await self.requests_.value().drain());
        ++self.ended_;
        self.requests_.destroy();
    }
    desk desk_;
    context const where_{desk_};
    slot<batcher<int, int>> requests_;
    int answered_ = 0;
    int ended_ = 0;
};

// Two share a request, and the one whose request it is may be stopped; or it is shed for the sake of a third.
struct same {
    int key(parcel const& one) const noexcept { return one.content(); }
};

class sharing_meets_stop {
public:
    explicit sharing_meets_stop(bool sheds) : sheds_{sheds} {
        submits(stoppable_, *this, 0, 5);
        submits(where_, *this, 1, 5);
    }
    void thread(int number) {
        if (number == 0) stop_.request_stop();
        else if (number == 1 && sheds_) submits(where_, *this, 2, 6);
        desk_.run_all();
    }
    void finally() {
        desk_.run_all();
        check(ended_[0] == 1 && ended_[1] == 1 && ended_[2] == static_cast<int>(sheds_), "a caller went on not once");
        check(had_[1] || sheds_, "who stayed has no answer");
        check(had_[2] || !sheds_, "who came last has no answer");
        check(sent_ >= 1 && sent_ <= 1 + static_cast<int>(sheds_), "equal requests were sent twice");
        auto const now = requests_.figures();
        check(now.pending == 0 && now.in_flight == 0, "something is left");
    }

private:
    static batcher_options options_of(bool sheds) noexcept {
        batcher_options options;
        if (sheds) options.overflow = overflow::shed_oldest;
        options.max_pending = 1;
        return options;
    }
    static walk submits(context const&, sharing_meets_stop& self, std::size_t name, int content) {
        auto const got = co_await self.requests_.submit(parcel{content});
        ++self.ended_[name];
        self.had_[name] = got && *got == content;
        if (!got) check(name == 0 || (name == 1 && self.sheds_), "a wait ended for nothing");
    }
    bool const sheds_;
    places places_;
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    batcher<parcel, int, same> requests_{[this](std::span<parcel> items, replies<int>& out) -> task<> {
                                             for (std::size_t n = 0; n < items.size(); ++n) {
                                                 ++sent_;
                                                 out.set(n, items[n].content());
                                             }
                                             co_return;
                                         },
                                         options_of(sheds_)};
    std::array<int, 3> ended_{};
    std::array<bool, 3> had_{};
    int sent_ = 0;
};

// Three requests of two partitions and one lane: one may be stopped, which forgets its partition while the lane is on its
// way to it, or while it is hungry. In the end both partitions are forgotten.
struct by_tens {
    std::uint64_t partition(int number) const noexcept { return static_cast<std::uint64_t>(number / 10); }
};

class partitions_meet_stop {
public:
    explicit partitions_meet_stop(int others) : others_{others} { submits(stoppable_, *this, 0, 1); }
    void thread(int number) {
        if (number == 0) {
            stop_.request_stop();
        } else {
            submits(where_, *this, 1, 11);
            if (others_ == 2) submits(where_, *this, 2, 2); // of the partition that may have been forgotten
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        int const third = others_ == 2;
        check(ended_[0] == 1 && ended_[1] == 1 && ended_[2] == third, "a caller went on not once");
        check(had_[1] && (had_[2] || others_ == 1), "who stayed has no answer");
        auto const now = requests_.figures();
        check(now.pending == 0 && now.in_flight == 0 && now.partitions == 0, "something is left");
        check(now.items + now.withdrawn == static_cast<std::uint64_t>(1 + others_), "a request was lost");
    }

private:
    static batcher_options one_lane() noexcept {
        batcher_options options;
        options.max_lanes = 1;
        return options;
    }
    static walk submits(context const&, partitions_meet_stop& self, std::size_t name, int content) {
        auto const got = co_await self.requests_.submit(content);
        ++self.ended_[name];
        self.had_[name] = got && *got == content;
        if (!got) check(name == 0, "a wait ended for nothing");
    }
    int const others_;
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    batcher<int, int, by_tens> requests_{[](std::span<int> items, replies<int>& out) -> task<> {
                                             for (std::size_t n = 0; n < items.size(); ++n) {
                                                 check(items[n] / 10 == items[0] / 10, "a batch is of two partitions");
                                                 out.set(n, items[n]);
                                             }
                                             co_return;
                                         },
                                         one_lane()};
    std::array<int, 3> ended_{};
    std::array<bool, 3> had_{};
};

// What the copies below, with a mistake each, have in common: a line, and a lane that moves requests out of frames.
class mistaken {
public:
    enum class mistake { lets_go_while_it_moves, answers_who_has_left, forgets_the_rest };
    static inline mistake made{};

    class caller : waiter {
    public:
        caller(mistaken& of, int content) noexcept : waiter{&leave}, of_{of}, request_{content} {}
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
            if (!listen(self)) return false;
            spin_guard const held{of_.lock_};
            if (!publish()) return false;
            of_.line_.push_back(*this);
            return true;
        }
        bool await_resume() noexcept { return finish().has_value(); }

    private:
        friend mistaken;
        static void leave(waiter& self) noexcept {
            auto& one = static_cast<caller&>(self);
            spin_guard const held{one.of_.lock_};
            if (self.linked()) self.unlink(); // and does not wait for a lane that moves its request
            else if (one.of_.owner_ == &one && made != mistake::answers_who_has_left) one.of_.owner_ = nullptr;
        }
        mistaken& of_;
        parcel request_;
    };
    caller submit(int content) noexcept { return caller{*this, content}; }
    void send() noexcept {
        {
            spin_guard const held{lock_};
            owner_ = static_cast<caller*>(line_.pop_front());
            if (!owner_) return;
            if (made == mistake::forgets_the_rest)
                while (line_.pop_front()) {}
            if (made != mistake::lets_go_while_it_moves) parcel const moved{std::move(owner_->request_)};
        }
        caller* const one = owner_;
        if (made == mistake::lets_go_while_it_moves && one) parcel const moved{std::move(one->request_)};
        caller* answered = nullptr;
        {
            spin_guard const held{lock_};
            answered = std::exchange(owner_, nullptr);
            if (answered && made != mistake::answers_who_has_left && !answered->claim()) answered = nullptr;
        }
        if (answered) answered->wake();
    }

private:
    spin_lock lock_;
    intrusive_list<waiter> line_;
    caller* owner_ = nullptr;
};

class mistaken_meets_stop {
public:
    mistaken_meets_stop() {
        submits(stoppable_, *this);
        submits(where_, *this);
    }
    void thread(int number) {
        if (number == 0) stop_.request_stop();
        else requests_.send();
        desk_.run_ready();
    }
    void finally() {
        for (int n = 0; n < 2; ++n) {
            requests_.send();
            desk_.run_all();
        }
        check(ended_ == 2, "a caller went on not once");
    }

private:
    static walk submits(context const&, mistaken_meets_stop& self) {
        auto const had = co_await self.requests_.submit(5);
        ++self.ended_;
        check(had || self.stop_.stop_requested(), "a wait ended for nothing");
    }
    places places_;
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    mistaken requests_;
    int ended_ = 0;
};

#if defined(__OPTIMIZE__)
constexpr bool quick = !weir::test::sanitized;
#else
constexpr bool quick = false;
#endif

} // namespace

TEST_CASE("B7: a request that meets a stop is withdrawn, or sent and its answer dropped") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("batcher: submit, stop", explorer::explore<submit_meets_stop>(2, limits));
}

TEST_CASE("B1, B7: two submit, and one of them is stopped") {
    options const limits{.preemptions = quick ? 2 : 1, .executions = 3'000'000};
    holds("batcher: two submit, stop of one", explorer::explore<submit_meets_stop>(3, limits));
}

TEST_CASE("B13: who submits as the batcher is closed is answered or refused, and the close waits for it") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("batcher: submit, close", explorer::explore<submit_meets_close>(2, limits));
}

TEST_CASE("B13: who has drained a batcher may destroy it at once") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("batcher: ends when drained", explorer::explore<ends_when_drained>(2, limits));
}

TEST_CASE("B7, B10: a request that two share meets a stop, and is shed") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("batcher: shared, stop, the lane", explorer::explore<sharing_meets_stop>(2, limits, false));
    holds("batcher: shared, stop, shed", explorer::explore<sharing_meets_stop>(2, limits, true));
}

TEST_CASE("B7, B11: partitions share a lane, and one that is left is forgotten") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("batcher: two partitions, one lane, stop", explorer::explore<partitions_meet_stop>(2, limits, 1));
    holds("batcher: the same, and another of the first", explorer::explore<partitions_meet_stop>(2, limits, 2));
}

TEST_CASE("copies with a mistake are found") {
    mistaken::made = mistaken::mistake::lets_go_while_it_moves;
    is_found("batcher: a copy that lets go while it moves", explorer::explore<mistaken_meets_stop>(2, {}));
    mistaken::made = mistaken::mistake::answers_who_has_left;
    is_found("batcher: a copy that answers who has left", explorer::explore<mistaken_meets_stop>(2, {}));
    mistaken::made = mistaken::mistake::forgets_the_rest;
    is_found("batcher: a copy that forgets the rest", explorer::explore<mistaken_meets_stop>(2, {}));
}
