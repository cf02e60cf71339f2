// tests/model/when_any.cpp: winner and loser end in the same instant, or a stop comes: one goes on, all are joined.
#include "desk.hpp"

#include "support/scale.hpp"

#include <weir/coro/task.hpp>
#include <weir/coro/when_any.hpp>
#include <weir/sync/event.hpp>

#include <array>
#include <cstddef>
#include <utility>
#include <variant>

using namespace weir;
using namespace weir::model;

namespace {

constexpr int was_stopped = 9;

// A copy in which whoever ends takes the first place, so that the last one has it.
class last_is_first : immovable {
public:
    explicit last_is_first(scope& members) noexcept : members_{members} {}
    auto finish(std::size_t index) noexcept {
        return [this, index] {
            winner_.store(index, relaxed);
            members_.request_stop();
        };
    }
    bool over() const noexcept { return false; }
    std::size_t winner() const noexcept { return winner_.load(relaxed); }

private:
    scope& members_;
    atomic<std::size_t> winner_{0};
};

// when_any by hand, over a race that may be a copy.
template <class Race>
task<first_of<parcel>> first_by_hand(task<parcel> a, task<parcel> b) {
    context const& above = co_await this_task();
    scope members{above};
    Race race{members};
    std::array<outcome<parcel>, 2> outcomes;
    members.start_here(detail::settle<task<parcel>>(std::move(a), outcomes[0], race.finish(0)));
    members.start_here(detail::settle<task<parcel>>(std::move(b), outcomes[1], race.finish(1)));
    co_await scope::join(members);
    std::size_t const index = race.winner();
    co_return first_of<parcel>{index, outcomes[index].take()};
}

// Two members wait, each for an event of its own.
class two_members {
public:
    enum class by { when_any, hand, copy };

    two_members(by how, bool begun_by_a_thread, bool stopped_from_above)
        : how_{how}, begun_by_a_thread_{begun_by_a_thread}, stopped_from_above_{stopped_from_above} {
        if (!begun_by_a_thread_) awaits(where_, *this);
    }
    void thread(int number) {
        if (number == 0 && begun_by_a_thread_) awaits(where_, *this);
        else if (number == 0) flags_[0].set();
        else if (number == 2 || stopped_from_above_) above_.request_stop();
        else flags_[1].set();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(went_on_ == 1, "the awaiter went on not once");
        check(ended_[0].get() + ended_[1].get() <= 2, "a member ended twice");
    }

private:
    static task<parcel> member(two_members& self, std::size_t number) {
        ++self.begun_; // on the thread that starts them
        auto const waited = co_await self.flags_[number].wait();
        self.ended_[number].set(self.ended_[number].get() + 1);
        co_return parcel{waited ? static_cast<int>(number) : was_stopped};
    }
    task<first_of<parcel>> first() {
        if (how_ == by::hand) co_return co_await first_by_hand<detail::race>(member(*this, 0), member(*this, 1));
        if (how_ == by::copy) co_return co_await first_by_hand<last_is_first>(member(*this, 0), member(*this, 1));
        auto of_two = co_await when_any(member(*this, 0), member(*this, 1));
        if (of_two.index == 0) co_return first_of<parcel>{0, std::get<0>(std::move(of_two.value))};
        co_return first_of<parcel>{1, std::get<1>(std::move(of_two.value))};
    }
    static walk awaits(context const&, two_members& self) {
        auto const got = co_await self.first();
        ++self.went_on_;
        // A race with a member that still runs, when it was not joined.
        int const ended = self.ended_[0].get() + self.ended_[1].get();
        check(ended == self.begun_, "joined before the end");
        int const content = got.value.content();
        bool const stopped = self.above_.stop_requested() && content == was_stopped;
        check(content == static_cast<int>(got.index) || stopped,
              "who was stopped by another came first");
    }
    by const how_;
    bool const begun_by_a_thread_;
    bool const stopped_from_above_;
    places seen_;
    desk desk_;
    stop_source above_;
    context const where_ = context{desk_}.with_stop(above_.token());
    std::array<event, 2> flags_;
    std::array<plain<int>, 2> ended_;
    int begun_ = 0;
    int went_on_ = 0;
};

options limits() noexcept {
#if defined(__OPTIMIZE__)
    return {.preemptions = weir::test::sanitized ? 2 : 3};
#else
    return {.preemptions = 2};
#endif
}

} // namespace

TEST_CASE("winner and loser end in the same instant: one is the first, both are joined (T3)") {
    holds("when_any: both complete",
          explorer::explore<two_members>(2, limits(), two_members::by::when_any, false, false));
}

TEST_CASE("a member completes while a stop comes from above (T6)") {
    holds("when_any: one completes, a stop",
          explorer::explore<two_members>(2, limits(), two_members::by::when_any, false, true));
}

TEST_CASE("both complete while a stop comes from above (T3, T6)") {
    options fewer = limits();
    --fewer.preemptions;
    holds("when_any: both complete, a stop",
          explorer::explore<two_members>(3, fewer, two_members::by::when_any, false, false));
}

TEST_CASE("a member completes, or a stop comes, while the members are being started") {
    holds("when_any: begun on a thread, one completes",
          explorer::explore<two_members>(2, limits(), two_members::by::when_any, true, false));
    holds("when_any: begun on a thread, a stop",
          explorer::explore<two_members>(2, limits(), two_members::by::when_any, true, true));
}

TEST_CASE("a copy in which the last to end is the first is found, and the same by hand with ours is not") {
    is_found("when_any: a copy in which the last is first",
             explorer::explore<two_members>(2, limits(), two_members::by::copy, false, false));
    holds("when_any: by hand", explorer::explore<two_members>(2, limits(), two_members::by::hand, false, false));
}
