// tests/support/linearizable.hpp: whether a recorded history has an order that a sequential object would give it.
// Each call must take effect at one moment between its beginning and its end, such that the answers are those of an
// object that does one thing at a time. The checker goes through the history in time and keeps every configuration that
// the past allows: a state of the object, and which of the calls under way have taken effect in it. A call takes effect
// only when the end of one forces it, configurations that are equal are kept once, and one in which a call ends without
// effect is dropped. No configuration left means that no order explains the history.
// When no call is under way a configuration is nothing but a state: there the history falls into parts, and no part is
// looked at twice. Nothing recurs, so a history may be as long as memory.
// Cost:     calls times configurations; those grow with the threads, not with the length.
// Source:   J. M. Wing, C. Gong, "Testing and Verifying Concurrent Objects", JPDC 17, 1993, whose search G. Lowe,
//           "Testing for Linearizability", Concurrency and Computation 29(4), 2017, made just-in-time and memoised; we
//           go breadth first, so that the last configurations are at hand to be shown.
#pragma once

#include "support/history.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace weir::test {

// Threads of a history are numbered below it.
inline constexpr unsigned max_threads = 8;

// What a call does at a moment.
enum class effect {
    refused, // its answer is not possible here
    observed, // it has seen the first of two moments that its answer needs; then it is asked again, with `seen`
    done, // it has taken effect
};

// The sequential object: copyable, hashed, and asked to take one step at a time.
template <class Object>
concept sequential = std::copyable<Object> && std::equality_comparable<Object> &&
                     requires(Object object, Object const& observed, typename Object::operation const& what) {
                         { object.step(0u, what, false) } -> std::same_as<effect>; // of a thread
                         object.ended(0u); // a thread's call returns
                         { observed.feels_end_of(0u) } -> std::same_as<bool>; // whether that makes a difference now
                         { observed.hash() } -> std::same_as<std::size_t>;
                         { observed.text() } -> std::same_as<std::string>;
                         { what.text() } -> std::same_as<std::string>;
                     };

struct verdict {
    bool holds = true;
    std::string why; // empty when it holds
    std::size_t widest = 0; // the most configurations at once

    explicit operator bool() const noexcept { return holds; }
};

template <sequential Object>
class linearizability {
public:
    using operation = typename Object::operation;

    // Needs: every call has ended, calls of one thread do not overlap, no two threads share a ticket; `calls` stays.
    linearizability(Object const& initial, history<operation> const& calls);

    verdict check();

private:
    struct event {
        std::uint64_t ticket;
        bool ends;
        std::size_t call;
    };
    enum stage : std::uint32_t { pending, seen, in_effect }; // of a call, in two bits of a word

    struct configuration {
        Object state;
        std::uint32_t stages = 0; // of the threads' calls; `pending` where a thread has none

        stage of(unsigned thread) const noexcept { return static_cast<stage>(stages >> 2 * thread & 3u); }
        void set(unsigned thread, stage now) noexcept {
            stages = (stages & ~(3u << 2 * thread)) | static_cast<std::uint32_t>(now) << 2 * thread;
        }
        bool operator==(configuration const&) const = default;
    };
    struct hash_of {
        std::size_t operator()(configuration const& one) const noexcept {
            return one.state.hash() * 31 + one.stages * std::size_t{0x9e3779b9};
        }
    };
    using configurations = std::unordered_set<configuration, hash_of>;

    static constexpr std::size_t most_configurations = 200'000;
    static constexpr std::size_t most_shown = 40;

    void restart();
    void pass(event const& now);
    void end_of(unsigned thread);
    std::string explain(std::size_t failed);
    std::string line(std::size_t call) const;
    std::string line(configuration const& one) const;

    Object const initial_;
    history<operation> const& calls_;
    std::vector<event> events_; // by time
    // I1: possible_ holds each configuration in which the calls that have ended took effect and answered as they did,
    //     and from which every other such one is reached by steps of calls under way.
    configurations possible_;
    std::array<std::optional<std::size_t>, max_threads> under_way_; // calls by thread
};

template <sequential Object>
verdict linearizable(Object const& initial, history<typename Object::operation> const& calls) {
    return linearizability<Object>{initial, calls}.check();
}

template <sequential Object>
linearizability<Object>::linearizability(Object const& initial, history<operation> const& calls)
    : initial_{initial}, calls_{calls} {
    events_.reserve(2 * calls.size());
    for (std::size_t n = 0; n < calls.size(); ++n) {
        events_.push_back({calls[n].began, false, n});
        events_.push_back({calls[n].ended, true, n});
    }
    // An end goes first where tickets are equal, which only calls of one thread may be.
    std::sort(events_.begin(), events_.end(), [](event const& a, event const& b) {
        return a.ticket != b.ticket ? a.ticket < b.ticket : a.ends > b.ends;
    });
}

template <sequential Object>
verdict linearizability<Object>::check() {
    verdict result;
    restart();
    for (std::size_t n = 0; n < events_.size(); ++n) {
        pass(events_[n]);
        result.widest = std::max(result.widest, possible_.size());
        if (possible_.empty()) return {false, explain(n), result.widest};
        if (possible_.size() > most_configurations) return {false, "undecided: too many orders", result.widest};
    }
    return result;
}

template <sequential Object>
void linearizability<Object>::restart() {
    possible_.clear();
    possible_.insert({initial_, 0});
    under_way_.fill(std::nullopt);
}

template <sequential Object>
void linearizability<Object>::pass(event const& now) {
    unsigned const thread = calls_[now.call].thread;
    if (now.ends) end_of(thread);
    else under_way_[thread] = now.call;
}

// Goes by steps of the calls under way to all configurations in which the thread's call has taken effect. What need not
// come before that is left for later, unless the end itself is felt by the object: then later is too late.
template <sequential Object>
void linearizability<Object>::end_of(unsigned thread) {
    configurations reached = std::move(possible_);
    possible_.clear();
    std::vector<configuration const*> to_do; // into `reached`, whose members stay where they are
    for (configuration const& one : reached) to_do.push_back(&one);
    while (!to_do.empty()) {
        configuration const& from = *to_do.back();
        to_do.pop_back();
        if (from.of(thread) == in_effect) {
            configuration after = from;
            after.set(thread, pending);
            after.state.ended(thread);
            possible_.insert(std::move(after)); // keeps I1
            if (!from.state.feels_end_of(thread)) continue;
        }
        for (unsigned other = 0; other < max_threads; ++other) {
            if (!under_way_[other] || from.of(other) == in_effect) continue;
            configuration next = from;
            effect const did = next.state.step(other, calls_[*under_way_[other]].what, from.of(other) == seen);
            if (did == effect::refused) continue;
            next.set(other, did == effect::done ? in_effect : seen);
            auto const [at, is_new] = reached.insert(std::move(next));
            if (is_new) to_do.push_back(&*at);
        }
    }
    under_way_[thread].reset();
}

// The configurations at a moment say all about the past, so the story begins when the call that failed does, or later
// when that was long ago.
template <sequential Object>
std::string linearizability<Object>::explain(std::size_t failed) {
    std::size_t const culprit = events_[failed].call;
    std::size_t start = failed > most_shown ? failed - most_shown : 0;
    while (start < failed && calls_[culprit].began > events_[start].ticket) ++start;
    restart();
    for (std::size_t n = 0; n < start; ++n) pass(events_[n]);

    std::string text = "no order explains the end of:\n" + line(culprit) + "among these:\n";
    for (auto const& call : under_way_)
        if (call && *call != culprit) text += line(*call);
    for (std::size_t n = start; n < failed; ++n)
        if (!events_[n].ends && events_[n].call != culprit) text += line(events_[n].call);
    text += "possible before [" + std::to_string(events_[start].ticket) + "]:\n";
    std::size_t shown = 0;
    for (configuration const& one : possible_) {
        if (++shown > 8) return text + "  and " + std::to_string(possible_.size() - 8) + " more\n";
        text += line(one);
    }
    return text;
}

template <sequential Object>
std::string linearizability<Object>::line(std::size_t call) const {
    auto const& [began, ended, thread, what] = calls_[call];
    return "  thread " + std::to_string(thread) + " [" + std::to_string(began) + ", " + std::to_string(ended) + "] " +
           what.text() + "\n";
}

template <sequential Object>
std::string linearizability<Object>::line(configuration const& one) const {
    std::string text = "  " + one.state.text();
    for (unsigned thread = 0; thread < max_threads; ++thread) {
        if (one.of(thread) == pending) continue;
        text += one.of(thread) == seen ? ", half of thread " : ", all of thread ";
        text += std::to_string(thread) + "'s call in it";
    }
    return text + "\n";
}

} // namespace weir::test
