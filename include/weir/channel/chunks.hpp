// weir/channel/chunks.hpp: the elements of a source, many at a time: by number, by weight, or by the time they may wait.
//     chunks rows{jobs, 256, weight_limit{64 * 1024}, 5ms};
//     for (auto some = co_await rows.recv(); some; some = co_await rows.recv()) co_await store(*std::move(some));
// A chunk is given when the first of these holds: it has `count` elements; the next would make it heavier than the limit;
// its first element has waited for `linger`; the source has ended, or said why it has nothing. It is never empty, never
// longer than `count`, and heavier than the limit only where a single element is.
// Order:    that of the source.
// Not:      a batcher, whose callers get answers (flow/batcher.hpp), nor channel::recv_many, which fills memory of yours.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/channel/source.hpp>
#include <weir/channel/weight_limit.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/task.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

// S is X& for a source that lies elsewhere and outlives this, X for one that was moved in: `chunks(source, 10)` decides.
// It may itself be the source of something else.
// Threads: one task at a time. Moved only while nobody waits.
template <source S, chunk_limit Limit = no_weight_limit>
class [[nodiscard]] chunks {
    using element = typename reader<S>::value_type;
    static_assert(std::is_nothrow_move_constructible_v<element> && std::is_nothrow_destructible_v<element>,
                  "an element whose move throws would be lost between source and chunk");

public:
    using value_type = std::vector<element>;

    // Needs: count >= 1.
    chunks(S&& from, std::size_t count) : chunks{no_linger{}, std::forward<S>(from), count, Limit{}, forever} {}
    // The time begins with the first element of a chunk. With zero, a chunk is what is there; that needs no timer.
    chunks(S&& from, std::size_t count, duration linger)
        : chunks{std::forward<S>(from), count, Limit{}, linger} {}
    chunks(S&& from, std::size_t count, Limit limit)
        : chunks{no_linger{}, std::forward<S>(from), count, std::move(limit), forever} {}
    chunks(S&& from, std::size_t count, Limit limit, duration linger)
        : chunks{no_linger{}, std::forward<S>(from), count, std::move(limit), linger} {
        static_assert(leavable_source<S>, WEIR_SAY_READ_AHEAD);
    }

    // Waits for the next chunk.
    // Returns: result<std::vector<element>>.
    // Errors:  what the source says, and errc::closed at its end; or what it throws. Where a chunk has been begun, that
    //          is given first, and the next recv says it.
    // Cancel:  what the chunk has so far is given, and only where that is nothing, the reason of the stop. No element is
    //          lost: what was not given is in the source, or in here for the next recv.
    // Cost:    a frame or two, a timer where there is a linger, the vector.
    task<result<value_type>> recv();

private:
    class no_linger {};
    static constexpr duration forever = duration::max();

    chunks(no_linger, S&& from, std::size_t count, Limit limit, duration linger)
        : reader_{std::forward<S>(from)}, count_{count}, limit_{std::move(limit)}, linger_{linger} {
        WEIR_ASSERT(count >= 1, "chunks of nothing were asked for");
    }

    bool full() const noexcept {
        return collected_.size() >= count_ || carried_ || weight_ >= limit_.most();
    }
    void make_room() {
        std::size_t const size = collected_.size();
        if (size == collected_.capacity()) collected_.reserve(size + std::min(std::max(size, least_room), count_ - size));
    }
    void carry(element&& one) noexcept;
    void admit() noexcept;
    task<> fill();
    task<> fill_until(time_point at);
    task<> fill_with_what_is_there();

    // H1: collected_ holds what was taken from the source and not given, oldest first; carried_ comes after that.
    // H2: collected_ is at most count_ long, and at most as heavy as limit_ says, or a single element.
    // H3: there is room in collected_ before an element is taken, so nothing that throws can come between.
    // H4: late_ is what the source said after the last of these; it is told when they have been given.
    static constexpr std::size_t least_room = 8;
    reader<S> reader_;
    std::size_t count_;
    Limit limit_;
    duration linger_;
    value_type collected_;
    std::size_t weight_ = 0;         // of collected_
    time_point since_;               // when the oldest of collected_ came, where there is a linger
    std::optional<element> carried_; // the first of the next chunk: too heavy for this one
    time_point carried_since_;
    std::optional<outcome<std::error_code>> late_;
};

template <class S>
chunks(S&&, std::size_t) -> chunks<S>;
template <class S>
chunks(S&&, std::size_t, duration) -> chunks<S>;
template <class S, class Weigh>
chunks(S&&, std::size_t, weight_limit<Weigh>) -> chunks<S, weight_limit<Weigh>>;
template <class S, class Weigh>
chunks(S&&, std::size_t, weight_limit<Weigh>, duration) -> chunks<S, weight_limit<Weigh>>;

// Chunks of what is there: each waits for one element, and takes no more than can be had at once, up to `count`.
template <source S>
auto ready_chunks(S&& from, std::size_t count) -> chunks<S> {
    return chunks<S>{std::forward<S>(from), count, duration::zero()};
}

template <source S, chunk_limit Limit>
auto chunks<S, Limit>::recv() -> task<result<value_type>> {
    if (collected_.empty() && !carried_ && late_) {
        auto said = std::exchange(late_, std::nullopt); // keeps H4
        co_return said->take();
    }
    if (collected_.empty()) {
        make_room(); // keeps H3
        if (!carried_) {
            auto first = co_await reader_.read();
            if (!first) co_return first.error();
            carry(*std::move(first));
        }
        admit();
    }
    if (!full() && !late_) {
        if (linger_ == forever) co_await fill();
        else co_await fill_until(linger_ < no_deadline - since_ ? since_ + linger_ : no_deadline);
    }
    weight_ = 0;
    co_return std::exchange(collected_, value_type{});
}

template <source S, chunk_limit Limit>
void chunks<S, Limit>::carry(element&& one) noexcept {
    carried_.emplace(std::move(one));
    if (linger_ != forever) carried_since_ = clock::now();
}

// Takes what is carried into the chunk, unless that is too heavy beside the others.
template <source S, chunk_limit Limit>
void chunks<S, Limit>::admit() noexcept {
    std::size_t const weight = limit_.weigh(*carried_);
    if (collected_.empty()) since_ = carried_since_;
    else if (weight > limit_.most() - weight_) return; // keeps H2; not full, hence no underflow
    collected_.push_back(*std::move(carried_)); // has room, by H3
    carried_.reset();
    weight_ += weight;
}

template <source S, chunk_limit Limit>
task<> chunks<S, Limit>::fill() {
    context const& here = co_await this_task();
    WEIR_TRY {
        while (!full()) {
            make_room(); // keeps H3
            auto one = co_await reader_.read();
            if (!one) {
                if (!was_stopped(here, one.error())) late_.emplace().set_value(one.error()); // keeps H4
                break;
            }
            carry(*std::move(one));
            admit();
        }
    }
    WEIR_CATCH_ALL { late_.emplace().set_current_exception(); } // the same
}

// A read that has an element when the time comes gives it: the operation wins over the timer.
template <source S, chunk_limit Limit>
task<> chunks<S, Limit>::fill_until(time_point at) {
    if (at <= clock::now()) co_await fill_with_what_is_there();
    else co_await deadline(fill(), at);
}

// Under a stop a read waits for nothing, and still gives what can be had at once.
template <source S, chunk_limit Limit>
task<> chunks<S, Limit>::fill_with_what_is_there() {
    context const& here = co_await this_task();
    stop_source over;
    over.request_stop(errc::timed_out);
    context const hurried = here.with_stop(over.token());
    co_await use_context(hurried);
    co_await fill();
}

} // namespace weir
