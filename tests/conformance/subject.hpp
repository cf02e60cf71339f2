// tests/conformance/subject.hpp: what the suite must know of an awaitable, and what an awaitable may ask of the suite.
// An awaitable is put in by an adapter, its subject: a class that makes the awaitable with all that it needs, completes
// it from outside, and keeps books of what was given and taken. docs/cancellation.md has the contract that is checked.
#pragma once

#include "support/virtual_wheel.hpp"

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/task.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <system_error>

namespace weir::conformance {

// What a stop does to one who waits.
enum class on_cancel : unsigned char {
    safe,            // as if it had never waited
    loses_place,     // the same, but others stood behind it, and who asks again stands behind them
    may_take_effect, // it goes on at once, and what it asked for may happen all the same
    as_its_parts,    // hands the stop on and ends when its parts have
    not_stopped,     // waits on
};

// Whom one completion serves.
enum class audience : unsigned char {
    all,  // everybody who waits
    one,  // the first who waits
    lone, // the only one who may wait
};

// A line of the table in docs/cancellation.md, which the suite holds the awaitable to.
struct description {
    std::string_view name;
    on_cancel kind;
    std::string_view value; // what becomes of it when the wait is stopped
    std::string_view note = "";
    audience serves = audience::all;
    bool at_once = true;    // what completes it decides by itself; else the executor has to run in between
    bool by_itself = false; // nobody need complete it
    bool by_time = false;   // time completes it
    bool in_kernel = false; // it needs a driver, so only a runtime will do
};

// Where and when a subject plays.
class stage : immovable {
public:
    // On workers, in real time.
    stage() noexcept : due_{clock::now() + std::chrono::microseconds{150}} {}
    // On the test's own threads, in a time of its own.
    explicit stage(test::virtual_wheel& time) noexcept
        : wheel_{&time.wheel()}, due_{time.origin() + std::chrono::hours{24}} {}

    // When a subject that waits for time ends.
    time_point due() const noexcept { return due_; }
    // Makes it so, where time does not pass by itself.  Threads: one at a time.
    void let_due_come() const noexcept {
        if (wheel_) wheel_->advance(due_ + std::chrono::milliseconds{1}); // beyond the tick
    }

private:
    timer_wheel* wheel_ = nullptr;
    time_point due_;
};

// A subject may also have
//   task<> close()                what must be awaited before it is destroyed
//   bool took_effect() const      whether what a stopped wait had asked for has happened; where kind is may_take_effect
template <class S>
concept subject = std::constructible_from<S, stage&> && requires(S& s, std::size_t completed) {
    { S::row } -> std::convertible_to<description>;
    // Waits, and gives nothing or why it ended without what it waited for. What it got, the subject keeps.
    { s.wait() } -> std::same_as<task<std::error_code>>;
    // Completes the wait, whether it has begun or not; once, from any thread. When nobody takes it, it stays to be had.
    { s.complete() } -> std::same_as<void>;
    // After `complete`, when all waits have ended and `completed` of them had what they wanted: whether everything that
    // was given is in just one place.
    { s.whole(completed) } -> std::same_as<bool>;
};

template <class S>
concept closes = requires(S& s) {
    { s.close() } -> std::same_as<task<>>;
};

// How many may have what `complete` gives.
template <subject S>
inline constexpr bool shared_by_all = S::row.serves == audience::all;

} // namespace weir::conformance
