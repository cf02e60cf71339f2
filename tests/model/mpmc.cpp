// tests/model/mpmc.cpp: producers and consumers on a ring of one to four places, one by one and in runs, in every order.
#include "desk.hpp"

#include "support/scale.hpp"

#include <weir/cpu/pause.hpp>
#include <weir/queue/mpmc.hpp>

#include <array>
#include <memory>
#include <optional>
#include <span>

using namespace weir;
using namespace weir::model;

namespace {

// How values go in and come out.
enum class door { single, bulk };

struct crew {
    int producers;
    int consumers;
    int each; // how many values a producer sends
};

// Every value comes out once, each consumer sees those of a producer rise, and no place is used by two threads at a time.
// Two threads wait for one another; of three nobody waits, and what is refused is not sent, which keeps the space small.
template <class Queue>
class stream {
public:
    stream(crew who, std::size_t capacity, door in, door out) : who_{who}, in_{in}, out_{out}, queue_{capacity} {}
    void thread(int number) {
        if (number < who_.producers) send(number);
        else receive();
    }
    void finally() {
        std::array<int, 2> last{};
        while (auto const got = queue_.try_pop()) take(*got, last);
        check(queue_.empty(), "the size is wrong");
        check(!waits() || sent_ == total(), "a value was not sent");
        check(received_ == sent_, "a value was lost or doubled");
        for (int const times : times_) check(times <= 1, "a value was doubled");
    }

private:
    int total() const { return who_.producers * who_.each; }
    bool waits() const { return who_.producers + who_.consumers == 2; }
    void send(int producer) {
        for (int next = 0; next < who_.each;) {
            int const name = 1 + producer * who_.each + next;
            int const count = in_ == door::single ? push(name) : push_n(name, who_.each - next);
            next += count;
            sent_ += count;
            if (count > 0) continue;
            if (!waits()) return;
            weir::pause();
        }
    }
    int push(int name) {
        parcel one{name};
        bool const went = queue_.try_push(std::move(one));
        check(one.content() == (went ? 0 : name), "a refused value was touched, or a sent one was not moved");
        return went;
    }
    int push_n(int name, int left) {
        std::array some{parcel{name}, parcel{name + 1}};
        auto const asked = left > 1 ? 2u : 1u;
        auto const went = queue_.try_push_n(std::span{some}.first(asked));
        check(went == asked || some[went].content() == name + static_cast<int>(went), "a refused value was touched");
        return static_cast<int>(went);
    }
    void take(parcel const& one, std::array<int, 2>& last) {
        int const name = one.content();
        check(name >= 1 && name <= total(), "a value was never sent");
        auto& before = last[static_cast<std::size_t>((name - 1) / who_.each)];
        check(before < name, "a producer's values changed their order");
        before = name;
        ++times_[static_cast<std::size_t>(name - 1)];
        ++received_;
    }
    void receive() {
        std::array<int, 2> last{};
        for (int tries = 0; waits() ? received_ < total() : tries < 2; ++tries) {
            bool found = false;
            if (out_ == door::single) {
                auto const got = queue_.try_pop();
                if ((found = got.has_value())) take(*got, last);
            } else {
                std::array out{parcel{0}, parcel{0}};
                auto const count = queue_.try_pop_n(out);
                for (auto const& one : std::span{out}.first(count)) take(one, last);
                found = count > 0;
            }
            if (!found && waits()) weir::pause();
        }
    }

    crew const who_;
    door const in_, out_;
    places places_;
    Queue queue_;
    std::array<int, 8> times_{};
    int sent_ = 0;
    int received_ = 0;
};

// What was pushed before all threads is found by as many pops as there are values, while a producer goes on behind.
class enough_for_all {
public:
    explicit enough_for_all(door out) : out_{out} {
        check(queue_.try_emplace(1) && queue_.try_emplace(2), "an empty place was refused");
    }
    void thread(int number) {
        if (number == 2) pushed_ = queue_.try_emplace(3);
        else if (out_ == door::single || number == 1) taken_ += queue_.try_pop().has_value();
        else taken_ += take_run();
    }
    void finally() {
        check(taken_ >= 2 && taken_ <= 2 + pushed_, "a value was not found, or found twice");
        check(static_cast<int>(queue_.size_hint()) == 2 + pushed_ - taken_, "the size is wrong");
        if (taken_ < 2 + pushed_) check(queue_.try_pop()->content() == 3, "not the last value is left");
    }

private:
    int take_run() {
        std::array out{parcel{0}, parcel{0}};
        auto const count = queue_.try_pop_n(out);
        check(count > 0, "the queue was said to be empty and was not");
        check(count < 2 || out[0].content() + 1 == out[1].content(), "a run has a hole");
        return static_cast<int>(count);
    }

    door const out_;
    places places_;
    mpmc<parcel> queue_{2};
    int taken_ = 0;
    int pushed_ = 0;
};

// The places that were free before all threads are found by as many pushes, while a consumer takes what it finds.
class room_for_all {
public:
    explicit room_for_all(door in) : in_{in} {}
    void thread(int number) {
        if (number == 2) {
            taken_ = queue_.try_pop().has_value();
        } else if (in_ == door::single || number == 1) {
            went_ += queue_.try_emplace(number + 1);
        } else {
            std::array some{parcel{10}, parcel{11}};
            auto const count = queue_.try_push_n(some);
            check(count > 0, "the queue was said to be full and was not");
            went_ += static_cast<int>(count);
        }
    }
    void finally() {
        check(went_ >= 2 && went_ <= 2 + taken_, "an empty place was refused, or used twice");
        for (int n = taken_; n < went_; ++n) check(queue_.try_pop().has_value(), "a value was lost");
        check(!queue_.try_pop(), "a value was doubled");
    }

private:
    door const in_;
    places places_;
    mpmc<parcel> queue_{2};
    int went_ = 0;
    int taken_ = 0;
};

// A run comes out as it went in, with nothing of another producer between.
class runs {
public:
    void thread(int number) {
        std::array some{parcel{10 * (number + 1)}, parcel{10 * (number + 1) + 1}};
        counts_[static_cast<std::size_t>(number)] = queue_.try_push_n(some);
    }
    void finally() {
        check(counts_[0] == 2 && counts_[1] == 2, "an empty place was refused");
        for (int n = 0; n < 2; ++n) {
            int const first = queue_.try_pop()->content();
            check(queue_.try_pop()->content() == first + 1, "a run was broken");
        }
        check(!queue_.try_pop(), "a value was doubled");
    }

private:
    places places_;
    mpmc<parcel> queue_{4};
    std::array<std::size_t, 2> counts_{};
};

// Who pushed and then finds nothing learns from the size that another push is under way in front of its own.
class hidden_behind_a_push {
public:
    void thread(int number) {
        check(queue_.try_emplace(1), "an empty place was refused");
        if (number == 0) return;
        found_ = queue_.try_pop().has_value();
        check(found_ || queue_.size_hint() != 0, "a value is there, nothing was found, and the size is 0");
        times += !found_;
    }
    void finally() {
        for (int n = found_; n < 2; ++n) check(queue_.try_pop().has_value(), "a value was lost");
        check(!queue_.try_pop(), "a value was doubled");
    }
    static inline int times = 0; // that it was so

private:
    places places_;
    mpmc<parcel> queue_{2};
    bool found_ = false;
};

// And who made room and then finds none learns that another pop is under way.
class withheld_by_a_pop {
public:
    withheld_by_a_pop() { check(queue_.try_emplace(1) && queue_.try_emplace(1), "an empty place was refused"); }
    void thread(int number) {
        check(queue_.try_pop().has_value(), "a value that was there was not found");
        if (number == 0) return;
        went_ = queue_.try_emplace(2);
        check(went_ || queue_.size_hint() < queue_.capacity(), "there is room, none was found, and the size is full");
        times += !went_;
    }
    void finally() {
        check(queue_.try_pop().has_value() == went_, "a value was lost");
        check(!queue_.try_pop(), "a value was doubled");
    }
    static inline int times = 0; // that it was so

private:
    places places_;
    mpmc<parcel> queue_{2};
    bool went_ = false;
};

// A ring as this one is first written down, with one mistake.
enum class mistake {
    none,
    counts_to_full, // a turn is t when free and t + 1 when full: in a ring of one place that is free for the next lap
    looks_at_first, // a run is taken when the turn of its first place has come
    frees_early,    // the place is passed on before its value is taken out
};

template <mistake Made>
class copy {
public:
    explicit copy(std::size_t capacity) : capacity_{capacity}, places_{new place[capacity]} {
        for (std::uint64_t n = 0; n < capacity; ++n) places_[n].turn.store(free(n), relaxed);
    }
    ~copy() {
        while (try_pop()) {}
    }
    bool empty() const { return head_.load(relaxed) == tail_.load(relaxed); }
    bool try_push(parcel&& value) { return try_push_n({&value, 1}) == 1; }
    std::size_t try_push_n(std::span<parcel> values) {
        auto ticket = tail_.load(relaxed);
        auto const count = take(tail_, ticket, values.size(), &copy::free);
        for (std::uint64_t n = 0; n < count; ++n) {
            at(ticket + n).value.construct(std::move(values[n]));
            at(ticket + n).turn.store(full(ticket + n), release);
        }
        return count;
    }
    std::optional<parcel> try_pop() {
        auto ticket = head_.load(relaxed);
        if (take(head_, ticket, 1, &copy::full) == 0) return std::nullopt;
        if (Made == mistake::frees_early) at(ticket).turn.store(free(ticket + capacity_), release);
        std::optional<parcel> value{at(ticket).value.take()};
        if (Made != mistake::frees_early) at(ticket).turn.store(free(ticket + capacity_), release);
        return value;
    }
    std::size_t try_pop_n(std::span<parcel> out) {
        auto got = try_pop();
        if (got) out[0] = std::move(*got);
        return got.has_value();
    }

private:
    struct place {
        atomic<std::uint64_t> turn{0};
        slot<parcel> value;
    };
    static std::uint64_t free(std::uint64_t ticket) { return Made == mistake::counts_to_full ? ticket : 2 * ticket; }
    static std::uint64_t full(std::uint64_t ticket) { return free(ticket) + 1; }
    place& at(std::uint64_t ticket) { return places_[ticket % capacity_]; }
    std::size_t take(atomic<std::uint64_t>& counter, std::uint64_t& ticket, std::size_t at_most,
                     std::uint64_t (*state)(std::uint64_t)) {
        for (;;) {
            std::size_t count = 0;
            if (Made == mistake::looks_at_first) count = at(ticket).turn.load(acquire) == state(ticket) ? at_most : 0;
            else while (count < at_most && at(ticket + count).turn.load(acquire) == state(ticket + count)) ++count;
            if (count == 0) return 0;
            if (counter.compare_exchange_weak(ticket, ticket + count, relaxed, relaxed)) return count;
        }
    }

    std::size_t const capacity_;
    std::unique_ptr<place[]> const places_;
    atomic<std::uint64_t> tail_{0};
    atomic<std::uint64_t> head_{0};
};

options limits(int preemptions) {
#if !defined(__OPTIMIZE__)
    --preemptions;
#endif
    return {.preemptions = weir::test::sanitized ? 1 : preemptions, .executions = 1'000'000};
}

constexpr door single = door::single;
constexpr door bulk = door::bulk;

template <class Queue = mpmc<parcel>>
report streams(int preemptions, crew who, std::size_t capacity, door in, door out) {
    return explorer::explore<stream<Queue>>(who.producers + who.consumers, limits(preemptions), who, capacity, in, out);
}

} // namespace

TEST_CASE("one producer and one consumer: values come out once and in order") {
    for (std::size_t const capacity : {1u, 2u}) {
        holds("mpmc 1:1: single in, single out", streams(3, {1, 1, 3}, capacity, single, single));
        holds("mpmc 1:1: bulk in, single out", streams(3, {1, 1, 3}, capacity, bulk, single));
        holds("mpmc 1:1: single in, bulk out", streams(3, {1, 1, 3}, capacity, single, bulk));
        holds("mpmc 1:1: bulk in, bulk out", streams(3, {1, 1, 3}, capacity, bulk, bulk));
    }
}

TEST_CASE("two producers and a consumer: values come out once, each producer's in order") {
    for (std::size_t const capacity : {1u, 2u}) {
        holds("mpmc 2:1: single in, single out", streams(2, {2, 1, 2}, capacity, single, single));
        holds("mpmc 2:1: bulk in, bulk out", streams(2, {2, 1, 2}, capacity, bulk, bulk));
    }
}

TEST_CASE("a producer and two consumers: values come out once, in order for each consumer") {
    for (std::size_t const capacity : {1u, 2u}) {
        holds("mpmc 1:2: single in, single out", streams(2, {1, 2, 3}, capacity, single, single));
        holds("mpmc 1:2: bulk in, bulk out", streams(2, {1, 2, 3}, capacity, bulk, bulk));
    }
}

TEST_CASE("nothing that is there is missed, and no place that is free refused") {
    for (door const one : {single, bulk}) {
        holds("mpmc: two values, two pops, a push", explorer::explore<enough_for_all>(3, limits(3), one));
        holds("mpmc: two places, two pushes, a pop", explorer::explore<room_for_all>(3, limits(3), one));
    }
}

TEST_CASE("a run comes out as it went in") {
    holds("mpmc: two runs", explorer::explore<runs>(2, limits(3)));
}

TEST_CASE("the size tells a call under way from an empty and from a full queue") {
    holds("mpmc: hidden behind a push", explorer::explore<hidden_behind_a_push>(2, limits(3)));
    CHECK(hidden_behind_a_push::times > 0);
    holds("mpmc: withheld by a pop", explorer::explore<withheld_by_a_pop>(2, limits(3)));
    CHECK(withheld_by_a_pop::times > 0);
}

TEST_CASE("a copy with one mistake is found") {
    auto const tries = [](auto made, std::size_t capacity, door in) {
        return streams<copy<made.value>>(2, {2, 1, 2}, capacity, in, single);
    };
    using none = std::integral_constant<mistake, mistake::none>;
    using counts_to_full = std::integral_constant<mistake, mistake::counts_to_full>;
    using looks_at_first = std::integral_constant<mistake, mistake::looks_at_first>;
    using frees_early = std::integral_constant<mistake, mistake::frees_early>;
    is_found("mpmc: turns that count to full, one place", tries(counts_to_full{}, 1, single));
    is_found("mpmc: a run by its first turn", tries(looks_at_first{}, 2, bulk));
    is_found("mpmc: a place freed early", tries(frees_early{}, 2, single));
    holds("mpmc: the copy without a mistake", tries(none{}, 2, bulk));
}
