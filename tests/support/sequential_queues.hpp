// tests/support/sequential_queues.hpp: what queues answer when calls come one at a time, for linearizable.hpp.
#pragma once

#include "support/linearizable.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace weir::test {

// A push or pop of up to four values: `did` of the `asked` were moved. Each value is pushed once in a history.
struct queue_call {
    enum class verb : std::uint8_t { push, pop };
    static constexpr std::size_t most = 4;

    verb what;
    std::uint8_t asked;
    std::uint8_t did;
    std::array<std::uint32_t, most> values; // the first `did`

    static queue_call of(verb what, std::size_t asked, std::size_t did, std::uint32_t const* values) {
        queue_call made{what, static_cast<std::uint8_t>(asked), static_cast<std::uint8_t>(did), {}};
        std::copy_n(values, did, made.values.begin());
        return made;
    }
    static queue_call pushed(std::initializer_list<std::uint32_t> values, std::size_t asked = 0) {
        return of(verb::push, asked ? asked : values.size(), values.size(), values.begin());
    }
    static queue_call popped(std::initializer_list<std::uint32_t> values, std::size_t asked = 0) {
        return of(verb::pop, asked ? asked : values.size(), values.size(), values.begin());
    }
    static queue_call found_full() { return pushed({}, 1); }
    static queue_call found_empty() { return popped({}, 1); }

    std::string text() const {
        std::string text = what == verb::push ? "push" : "pop";
        if (asked > 1) text += " " + std::to_string(did) + " of " + std::to_string(asked);
        for (std::size_t n = 0; n < did; ++n) text += " " + std::to_string(values[n]);
        return did > 0 ? text : text + (what == verb::push ? ": full" : ": empty");
    }
};

// A FIFO with room for `capacity` values. The values of a call move together. A call that moved fewer than it was asked
// to met the queue's end first and moved what there was later, so its answer needs two moments.
//
// Answers that are `exact` say full of a queue that is full and empty of one that is. A ring of tickets is `in_flight`:
// a push takes its place first and then fills it, a pop takes a value's place first and then clears it, and a call sees
// only what is filled or clear. Its calls take effect as they take their places, and
//   empty: the first value that is left was pushed by a call that has not returned,
//   full:  the place the next value needs, which is that of the value `capacity` before it, has that value still in it
//          or was taken by a pop that has not returned,
// or the queue is empty or full. A call that has returned excuses nothing, nor does one behind the place in question.
class fifo {
public:
    using operation = queue_call;
    enum class answers { exact, in_flight };
    static constexpr std::size_t unbounded = SIZE_MAX;

    explicit fifo(std::size_t capacity = unbounded, answers how = answers::exact) : capacity_{capacity}, how_{how} {}

    effect step(unsigned thread, queue_call const& call, bool seen) {
        bool const push = call.what == queue_call::verb::push;
        if (call.did < call.asked && !seen) {
            if (push ? !is_full_after(call.did) : !is_empty_after(call.did)) return effect::refused;
            return call.did == 0 ? effect::done : effect::observed;
        }
        bool const moved = push ? append(thread, call) : take(thread, call);
        return moved ? effect::done : effect::refused;
    }
    void ended(unsigned thread) {
        for (place& each : places_)
            if (each.holder == thread) each.holder = nobody;
        forget_clear_places();
    }
    bool feels_end_of(unsigned thread) const noexcept {
        return std::any_of(places_.begin(), places_.end(), [&](place const& each) { return each.holder == thread; });
    }

    std::size_t hash() const noexcept {
        std::size_t sum = taken_;
        for (place const& each : places_) sum = sum * 0x100000001b3 + each.value * std::size_t{16} + each.holder;
        return sum ^ sum >> 29;
    }
    std::string text() const {
        std::string text = "(";
        for (place const& each : places_) {
            text += text.size() > 1 ? " " : "";
            text += each.value == 0 ? "taken" : std::to_string(each.value);
            if (each.holder != nobody) text += " by thread " + std::to_string(each.holder);
        }
        return text + ")";
    }
    bool operator==(fifo const&) const = default;

private:
    struct place {
        std::uint32_t value; // 0 when it was taken
        unsigned holder; // whose call under way filled or took it
        bool operator==(place const&) const = default;
    };
    static constexpr unsigned nobody = max_threads;

    unsigned holder(unsigned thread) const noexcept { return how_ == answers::in_flight ? thread : nobody; }
    std::size_t left() const noexcept { return places_.size() - taken_; }

    bool append(unsigned thread, queue_call const& call) {
        if (call.did > capacity_ - left()) return false;
        // What it overwrites was taken and cleared, though the call that did it may not have returned.
        auto const free = capacity_ - places_.size();
        auto const reused = call.did > free ? call.did - free : 0;
        places_.erase(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(reused));
        taken_ -= reused;
        for (std::size_t n = 0; n < call.did; ++n) places_.push_back({call.values[n], holder(thread)});
        forget_clear_places();
        return true;
    }
    bool take(unsigned thread, queue_call const& call) {
        if (call.did > left()) return false;
        for (std::size_t n = 0; n < call.did; ++n)
            if (places_[taken_ + n].value != call.values[n]) return false;
        for (std::size_t n = 0; n < call.did; ++n) places_[taken_++] = {0, holder(thread)};
        forget_clear_places();
        return true;
    }
    bool is_full_after(std::size_t more) const noexcept {
        auto const free = capacity_ - places_.size();
        if (more < free) return false;
        auto const needed = more - free; // an index; a call that asks for more than the capacity needs its own places
        return needed >= places_.size() || places_[needed].value != 0 || places_[needed].holder != nobody;
    }
    bool is_empty_after(std::size_t more) const noexcept {
        return more >= left() || places_[taken_ + more].holder != nobody;
    }
    void forget_clear_places() {
        auto const first = places_.begin();
        auto const taken = first + static_cast<std::ptrdiff_t>(taken_);
        auto const kept = std::find_if(first, taken, [](place const& each) { return each.holder != nobody; });
        taken_ -= static_cast<std::size_t>(kept - first);
        places_.erase(first, kept);
    }

    std::size_t capacity_;
    answers how_;
    // I1: the last places up to the next value's, oldest first, at most `capacity_`; from taken_ on they hold values.
    // I2: the first is held, or holds a value: what is clear again is not remembered.
    std::vector<place> places_;
    std::size_t taken_ = 0;
};

// A call on a work-stealing deque, by its owner or by a thief.
struct deque_call {
    enum class verb : std::uint8_t { push, pop, steal };
    enum class answer : std::uint8_t { value, empty, lost };

    verb what;
    answer got;
    std::uint32_t value; // 0 when there is none

    static deque_call pushed(std::uint32_t value) { return {verb::push, answer::value, value}; }
    static deque_call popped(std::uint32_t value) { return {verb::pop, answer::value, value}; }
    static deque_call popped_nothing() { return {verb::pop, answer::empty, 0}; }
    static deque_call stole(std::uint32_t value) { return {verb::steal, answer::value, value}; }
    static deque_call stole_nothing() { return {verb::steal, answer::empty, 0}; }
    static deque_call lost() { return {verb::steal, answer::lost, 0}; }

    std::string text() const {
        constexpr std::array verbs{"push", "pop", "steal"};
        std::string const text = verbs[static_cast<std::size_t>(what)];
        if (got == answer::value) return text + " " + std::to_string(value);
        return text + (got == answer::empty ? ": empty" : ": lost");
    }
};

// The owner pushes and pops at the bottom, thieves take from the top. A steal is lost when the value it aimed for was
// at the top at one moment, and at a later one another had taken it. The owner's pop of the last value takes effect as
// it lowers the bottom and steps over the top afterwards, so until it returns it may also defeat a later steal.
class stealing {
public:
    using operation = deque_call;

    effect step(unsigned thread, deque_call const& call, bool seen) {
        bool const none = values_.empty();
        switch (call.what) {
            case deque_call::verb::push: values_.push_back(call.value); return effect::done;
            case deque_call::verb::pop:
                if (call.got == deque_call::answer::empty) return done_if(none);
                if (none || values_.back() != call.value) return effect::refused;
                values_.pop_back();
                if (values_.empty()) {
                    last_popper_ = thread;
                    tell_who_aims();
                }
                return effect::done;
            case deque_call::verb::steal: break;
        }
        if (call.got == deque_call::answer::empty) return done_if(none);
        if (call.got == deque_call::answer::lost) {
            if (last_popper_ != nobody || aims_[thread] == aim::missed) {
                aims_[thread] = aim::none;
                return effect::done;
            }
            if (seen || none) return effect::refused;
            aims_[thread] = aim::top;
            return effect::observed;
        }
        if (none || values_.front() != call.value) return effect::refused;
        values_.erase(values_.begin());
        tell_who_aims();
        return effect::done;
    }
    void ended(unsigned thread) noexcept {
        if (last_popper_ == thread) last_popper_ = nobody;
    }
    bool feels_end_of(unsigned thread) const noexcept { return last_popper_ == thread; }

    std::size_t hash() const noexcept {
        std::size_t sum = last_popper_;
        for (auto const value : values_) sum = (sum ^ value) * 0x100000001b3;
        for (aim const each : aims_) sum = sum * 5 + static_cast<std::size_t>(each);
        return sum ^ sum >> 29;
    }
    std::string text() const {
        std::string text = "(";
        for (auto const value : values_) text += (text.size() > 1 ? " " : "") + std::to_string(value);
        return text + ")";
    }
    bool operator==(stealing const&) const = default;

private:
    // Of a thief whose steal will be lost: the top value of the moment, until another takes it.
    enum class aim : std::uint8_t { none, top, missed };
    static constexpr unsigned nobody = max_threads;

    static effect done_if(bool holds) noexcept { return holds ? effect::done : effect::refused; }
    void tell_who_aims() noexcept { std::replace(aims_.begin(), aims_.end(), aim::top, aim::missed); }

    std::vector<std::uint32_t> values_; // the top first
    std::array<aim, max_threads> aims_{};
    unsigned last_popper_ = nobody; // whose pop of the last value has not returned
};

static_assert(sequential<fifo> && sequential<stealing>);

} // namespace weir::test
