// tests/model/deque.cpp: an owner and two thieves, the last value, growth from a ring of one, and what a late load sees.
#include "desk.hpp"

#include "support/sequential_queues.hpp"

#include <weir/queue/deque.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>

using namespace weir;
using namespace weir::model;

namespace {

// What is passed: its content is plain memory, written before the push.
struct parcel_of_work {
    plain<int> content;
    int taken = 0;
};

// The owner pushes and pops by turns, one thief steals three times or two once each. Every value is taken once.
class owner_and_thieves {
public:
    explicit owner_and_thieves(int thieves) : thieves_{thieves} {}
    void thread(int number) {
        if (number > 0) {
            for (int n = 0; n < (thieves_ == 1 ? 3 : 1); ++n) steal();
            return;
        }
        push(0);
        push(1); // grows
        pop();
        push(2);
        pop();
        pop();
    }
    void finally() {
        while (auto* const left = values_.pop_bottom()) ++left->taken;
        for (auto const& each : work_) check(each.taken == 1, "a value was lost or taken twice");
    }

private:
    void push(std::size_t which) {
        work_[which].content.set(static_cast<int>(which) + 1);
        values_.push_bottom(&work_[which]);
    }
    void take(parcel_of_work& one) {
        check(one.content.get() == static_cast<int>(&one - work_.data()) + 1, "a value came before its content");
        one.content.set(0);
        ++one.taken;
    }
    void pop() {
        if (auto* const one = values_.pop_bottom()) take(*one);
    }
    void steal() {
        if (auto const got = values_.steal()) take(*got.value);
    }

    int const thieves_;
    deque<parcel_of_work*, 1> values_;
    std::array<parcel_of_work, 3> work_;
};

// One value and three who want it: exactly one gets it.
class last_value {
public:
    explicit last_value(bool owner_pops) : owner_pops_{owner_pops} {
        work_.content.set(1);
        values_.push_bottom(&work_);
    }
    void thread(int number) {
        if (number == 0 && owner_pops_) {
            if (auto* const one = values_.pop_bottom()) take(*one);
        } else if (auto const got = values_.steal()) {
            take(*got.value);
        }
    }
    void finally() {
        check(work_.taken == 1, "the value was lost or taken twice");
        check(values_.pop_bottom() == nullptr, "the value is still there");
    }

private:
    void take(parcel_of_work& one) {
        check(one.content.get() == 1, "the value came before its content");
        one.content.set(0); // a race when two have it
        ++one.taken;
    }
    bool const owner_pops_;
    deque<parcel_of_work*, 2> values_;
    parcel_of_work work_;
};

// Two values; the owner pops once, two thieves steal: the second of them may meet the owner at the last value.
class second_to_last {
public:
    second_to_last() {
        for (auto& each : work_) values_.push_bottom(&each);
    }
    void thread(int number) {
        if (number == 0) {
            if (auto* const one = values_.pop_bottom()) ++one->taken;
        } else if (auto const got = values_.steal()) {
            ++got.value->taken;
        }
    }
    void finally() {
        while (auto* const left = values_.pop_bottom()) ++left->taken;
        for (auto const& each : work_) check(each.taken == 1, "a value was lost or taken twice");
    }

private:
    deque<parcel_of_work*, 2> values_;
    std::array<parcel_of_work, 2> work_;
};

// A thief's load of the value may take effect late, after its compare-exchange: still before the place is used again.
class place_used_again {
public:
    place_used_again() {
        values_.push_bottom(1);
        values_.push_bottom(2);
    }
    void thread(int number) {
        if (number == 0) {
            values_.push_bottom(3); // in the place of 1, when it has been taken; else in a larger ring
            popped_ = values_.pop_bottom();
        } else if (auto const got = values_.steal()) {
            stolen_[static_cast<std::size_t>(number)] = got.value;
        }
    }
    void finally() {
        std::array<int, 4> times{};
        ++times[static_cast<std::size_t>(popped_.get())];
        for (auto const& one : stolen_) ++times[static_cast<std::size_t>(one.get())];
        while (int const left = values_.pop_bottom().get()) ++times[static_cast<std::size_t>(left)];
        for (std::size_t n = 1; n < times.size(); ++n) check(times[n] == 1, "a value was lost or taken twice");
    }

private:
    deque<late<int>, 2> values_;
    late<int> popped_{0};
    std::array<late<int>, 3> stolen_{0, 0, 0};
};

// What each call was told, with the order of the calls: is it what a deque would say that does one thing at a time? The
// tickets around the calls synchronise, so missing orders are for the models above.
class answers {
public:
    answers() { note(0, [&] { return push(1); }); }
    void thread(int number) {
        auto const me = static_cast<unsigned>(number);
        if (number == 0) {
            note(me, [&] { return push(2); });
            note(me, [&] { return pop(); });
            note(me, [&] { return pop(); });
        } else {
            note(me, [&] { return steal(); });
        }
    }
    void finally() {
        auto calls = recorder_.all();
        std::string key; // most executions tell a story that is known
        for (auto const& each : calls)
            key += std::to_string(each.began) + "-" + std::to_string(each.ended) + each.what.text() + ";";
        if (!known().insert(key).second) return;
        for (auto const& each : calls)
            if (lost(each.what)) check(another_took_meanwhile(each, calls), "a steal was lost to nobody");
        std::erase_if(calls, [](auto const& each) { return lost(each.what); }); // they change nothing
        auto const verdict = weir::test::linearizable(weir::test::stealing{}, calls);
        check(verdict.holds, verdict.why.c_str());
    }
    static std::unordered_set<std::string>& known() {
        static std::unordered_set<std::string> stories;
        return stories;
    }

private:
    using deque_call = weir::test::deque_call;
    using history = weir::test::history<deque_call>;
    static bool lost(deque_call const& what) { return what.got == deque_call::answer::lost; }
    static bool another_took_meanwhile(history::value_type const& steal, history const& calls) {
        return std::ranges::any_of(calls, [&](auto const& each) {
            return each.thread != steal.thread && each.what.what != deque_call::verb::push &&
                   each.what.got == deque_call::answer::value && each.began < steal.ended && steal.began < each.ended;
        });
    }
    template <class F>
    void note(unsigned thread, F ask) {
        recorder_.note(thread, ask);
    }
    deque_call push(int value) {
        values_.push_bottom(value);
        return deque_call::pushed(static_cast<std::uint32_t>(value));
    }
    deque_call pop() {
        int const got = values_.pop_bottom();
        return got ? deque_call::popped(static_cast<std::uint32_t>(got)) : deque_call::popped_nothing();
    }
    deque_call steal() {
        auto const got = values_.steal();
        return got                                  ? deque_call::stole(static_cast<std::uint32_t>(got.value))
               : got.status == steal_status::lost ? deque_call::lost()
                                                    : deque_call::stole_nothing();
    }

    weir::test::recorder<deque_call> recorder_{3, 4};
    deque<int, 2> values_;
};

constexpr options limits{.preemptions = 3, .executions = 6'000'000};

} // namespace

TEST_CASE("every value is taken once, after what was written into it, while the ring grows") {
    holds("deque: owner and a thief, growth from one", explorer::explore<owner_and_thieves>(2, limits, 1));
    holds("deque: owner and two thieves, growth from one",
          explorer::explore<owner_and_thieves>(3, options{.preemptions = 2, .executions = 6'000'000}, 2));
}

TEST_CASE("the last value goes to one of three") {
    holds("deque: the last value, owner and two thieves", explorer::explore<last_value>(3, limits, true));
    holds("deque: the last value, three thieves", explorer::explore<last_value>(3, limits, false));
}

TEST_CASE("the owner takes the second to last value without asking only while no thief can reach it") {
    holds("deque: two values, owner and two thieves", explorer::explore<second_to_last>(3, limits));
}

TEST_CASE("a place is used again only when no thief that succeeds reads it any more") {
    holds("deque: a thief's load is late", explorer::explore<place_used_again>(3, limits));
}

TEST_CASE("the answers are those of a deque that does one thing at a time") {
    answers::known().clear();
    holds("deque: answers to an owner and two thieves",
          explorer::explore<answers>(3, options{.preemptions = 2, .executions = 6'000'000}));
    CHECK(answers::known().size() > 100); // stories that were judged
}
