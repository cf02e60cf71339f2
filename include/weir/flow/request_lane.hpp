// weir/flow/request_lane.hpp: a lane with its requests in one span, the places for their replies, and its coroutine.
// Spans and places are kept from batch to batch: a lane at work allocates only where a batch is larger than any before.
// For:      authors of primitives.
#pragma once

#include <weir/coro/outcome.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/batch_core.hpp>
#include <weir/flow/batch_entry.hpp>
#include <weir/flow/batch_turn.hpp>
#include <weir/flow/batch_waits.hpp>
#include <weir/flow/bisect.hpp>
#include <weir/flow/replies.hpp>

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <utility>

namespace weir::inline v0::detail {

// One submit, with its request until it is dispatched and its reply from then on.
template <class Request, class Reply>
class request_caller : public batch_caller {
public:
    Request& request() noexcept { return request_; }
    // Moves the answer here, and sends the caller back.  Needs: to have claimed it.
    void answer(outcome<result<Reply>>& given) noexcept {
        WEIR_TRY {
            if (given.failed()) reply_.set_error(given.error());
            else if (given.ready()) reply_.set_value(given.take());
            else reply_.set_value(result<Reply>(errc::no_reply));
        }
        WEIR_CATCH_ALL { reply_.set_current_exception(); }
        wake();
        // ---- the frame may be gone
    }
    // Copies it.
    void share(result<Reply> const& given) noexcept
        requires(std::is_void_v<Reply> || std::is_copy_constructible_v<Reply>)
    {
        WEIR_TRY { reply_.set_value(given); }
        WEIR_CATCH_ALL { reply_.set_current_exception(); }
        wake();
        // ---- the frame may be gone
    }

protected:
    request_caller(batch_core& of, Request&& request) : batch_caller{of}, request_{std::move(request)} {}
    outcome<result<Reply>> reply_;

private:
    Request request_;
};

// Raw room for a number of T.
template <class T>
class raw_array : immovable {
public:
    raw_array() = default;
    explicit raw_array(std::size_t count) : items_{std::allocator<T>().allocate(count)}, count_{count} {}
    ~raw_array() {
        if (items_) std::allocator<T>().deallocate(items_, count_);
    }
    void swap(raw_array& other) noexcept {
        std::swap(items_, other.items_);
        std::swap(count_, other.count_);
    }
    T* data() const noexcept { return items_; }

private:
    T* items_ = nullptr;
    std::size_t count_ = 0;
};

template <class Request, class Reply>
class request_lane : public batch_lane {
    using caller = request_caller<Request, Reply>;
    using place = outcome<result<Reply>>;

public:
    class run;

    explicit request_lane(std::size_t room) { widen_to(room); }
    ~request_lane() {
        if (run_) run_.destroy();
    }
    // Gives it the coroutine that it is resumed as.
    void runs(run coroutine) noexcept;

    // Room for `count`, or as much as there is memory for, at least what there was.
    void make_room(std::size_t count) noexcept {
        if (count <= capacity()) return;
        WEIR_TRY { widen_to(std::max(count, capacity() * 2)); }
        WEIR_CATCH_ALL {} // batches stay smaller
    }
    // Moves the requests of those who were taken into the span. One that throws is out, with what it threw, in a place
    // behind the others.  Returns: how many there are.
    std::size_t gather() noexcept;
    std::span<Request> requests(std::size_t from, std::size_t to) noexcept {
        return {requests_.data() + from, to - from};
    }
    place* places() noexcept { return places_.data(); }
    // Answers all from `from` up to `to` with an exception, whatever was set; or with nothing.
    void fail(std::size_t from, std::size_t to, std::exception_ptr why) noexcept;
    void forget(std::size_t from, std::size_t to) noexcept;
    // Ends the requests, then answers everybody who still waits.
    template <bool Ruled>
    void deliver(batch_core& core, std::size_t extra_calls) noexcept;

    request_lane* made_before = nullptr; // among all lanes of the batcher

private:
    // Answers those who share a place, but for the one whose request it is.
    void share(batch_core& core, std::size_t index) noexcept;
    void widen_to(std::size_t room) {
        std::unique_ptr<batch_caller*[]> owners{new batch_caller*[room]};
        raw_array<Request> requests(room);
        raw_array<place> places(room);
        requests_.swap(requests);
        places_.swap(places);
        widen(std::move(owners), room);
    }

    // K1: between gather and deliver exactly requests [0, gathered_) and places [0, count()) are alive; else none.
    raw_array<Request> requests_;
    raw_array<place> places_;
    std::size_t gathered_ = 0;
    std::coroutine_handle<> run_;
};

// The coroutine of a lane: it never ends, and is destroyed at rest.
template <class Request, class Reply>
class request_lane<Request, Reply>::run {
public:
    class promise_type : public promise_base {
    public:
        run get_return_object() noexcept { return run{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        start initial_suspend() noexcept {
            return start{std::coroutine_handle<promise_type>::from_promise(*this).address()};
        }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { WEIR_FATAL("a lane of a batcher threw"); }
    };

private:
    friend request_lane;
    explicit run(std::coroutine_handle<promise_type> handle) noexcept : handle_{handle} {}
    std::coroutine_handle<promise_type> handle_;
};

template <class Request, class Reply>
void request_lane<Request, Reply>::runs(run coroutine) noexcept {
    coroutine.handle_.promise().awaited_by(nullptr, where_);
    run_ = coroutine.handle_;
    resumes(run_);
}

template <class Request, class Reply>
std::size_t request_lane<Request, Reply>::gather() noexcept {
    for (std::size_t n = 0; n < count(); ++n) std::construct_at(places() + n);
    gathered_ = 0;
    for (std::size_t n = 0; n < count(); ++n) {
        WEIR_TRY {
            std::construct_at(requests_.data() + gathered_, std::move(static_cast<caller*>(owner(n))->request()));
            if (gathered_ != n) { // change places with one that threw
                place& failed = places()[gathered_];
                places()[n].set_error(failed.error());
                std::destroy_at(&failed);
                std::construct_at(&failed);
                exchange_owners(gathered_, n);
            }
            ++gathered_; // keeps K1
        }
        WEIR_CATCH_ALL { places()[n].set_current_exception(); }
    }
    end_gathering();
    return gathered_;
}

template <class Request, class Reply>
void request_lane<Request, Reply>::forget(std::size_t from, std::size_t to) noexcept {
    for (std::size_t n = from; n < to; ++n) {
        std::destroy_at(places() + n);
        std::construct_at(places() + n); // keeps K1
    }
}

template <class Request, class Reply>
void request_lane<Request, Reply>::fail(std::size_t from, std::size_t to, std::exception_ptr why) noexcept {
    forget(from, to);
    for (std::size_t n = from; n < to; ++n) places()[n].set_error(why);
}

template <class Request, class Reply>
template <bool Ruled>
void request_lane<Request, Reply>::deliver(batch_core& core, std::size_t extra_calls) noexcept {
    core.note_end(*this, extra_calls);
    std::destroy_n(requests_.data(), gathered_);
    constexpr std::size_t at_once = 64; // so that the lock is never held long
    for (std::size_t from = 0; from < count(); from += at_once) {
        std::size_t const to = std::min(count(), from + at_once);
        if constexpr (Ruled && (std::is_void_v<Reply> || std::is_copy_constructible_v<Reply>))
            if (core.bounds().buckets != 0)
                for (std::size_t n = from; n < to; ++n) share(core, n);
        core.claim(*this, from, to);
        for (std::size_t n = from; n < to; ++n)
            if (batch_caller* const one = owner(n)) static_cast<caller*>(one)->answer(places()[n]);
    }
    std::destroy_n(places(), count()); // keeps K1
}

template <class Request, class Reply>
void request_lane<Request, Reply>::share(batch_core& core, std::size_t index) noexcept {
    auto const another = [&] { return static_cast<caller*>(core.next_sharer(*this, index)); };
    caller* one = another();
    if (!one) return;
    place& given = places()[index];
    if (!given.ready()) given.set_value(result<Reply>(errc::no_reply));
    if (!given.failed()) {
        WEIR_TRY {
            result<Reply> whole = given.take();
            for (; one; one = another()) one->share(whole);
            std::destroy_at(&given);
            std::construct_at(&given)->set_value(std::move(whole));
        }
        WEIR_CATCH_ALL { // its move throws
            std::destroy_at(&given);
            std::construct_at(&given)->set_current_exception();
        }
    }
    for (; one; one = another()) one->answer(given); // an exception, which stays for the next
}

// Tries a batch of `count` that has failed again, by halves.  Returns: the number of calls.
template <class Request, class Reply, class Handler>
task<std::size_t> bisect(request_lane<Request, Reply>& lane, std::size_t count, Handler& handle, std::size_t calls) {
    bisection part{count, calls};
    for (bool failed = true;;) {
        std::size_t const before = part.begin();
        std::size_t const whole = part.end();
        if (part.ended(failed)) lane.forget(before, whole); // what is not tried again stays as it failed
        if (!part.more()) co_return part.extra_calls();
        std::size_t const from = part.begin();
        std::size_t const to = part.end();
        replies<Reply> answers{lane.places() + from, to - from};
        WEIR_TRY {
            co_await handle(lane.requests(from, to), answers);
            failed = answers.failed_whole();
        }
        WEIR_CATCH_ALL {
            lane.fail(from, to, std::current_exception());
            failed = true;
        }
    }
}

template <class Request, class Reply, bool Ruled, class Handler>
typename request_lane<Request, Reply>::run run_lane(batch_core& core, request_lane<Request, Reply>& lane,
                                                    Handler& handle) {
    for (;;) {
        if (core.lingers()) {
            time_point reached{};
            for (bool again = true; again;) again = co_await batch_core::linger_wait(core, lane, reached);
        }
        lane.make_room(core.wanted(lane));
        if (core.take<Ruled>(lane) != 0) {
            std::size_t const count = lane.gather();
            std::size_t extra_calls = 0;
            if (count != 0) {
                replies<Reply> answers{lane.places(), count};
                bool failed = false;
                WEIR_TRY { co_await handle(lane.requests(0, count), answers); }
                WEIR_CATCH_ALL {
                    lane.fail(0, count, std::current_exception());
                    failed = true;
                }
                std::size_t const calls = core.bounds().bisect_calls;
                if (calls != 0 && (failed || answers.failed_whole())) {
                    WEIR_TRY { extra_calls = co_await bisect(lane, count, handle, calls); }
                    WEIR_CATCH_ALL {} // no memory for that: it stays as it failed
                }
            }
            lane.template deliver<Ruled>(core, extra_calls);
        }
        co_await batch_core::rest_wait(core, lane);
    }
}

} // namespace weir::detail
