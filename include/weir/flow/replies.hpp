// weir/flow/replies.hpp: a place for the answer to each request of a batch.
// A handler fills in what it can: a value, or why there is none. A place left empty fails its own caller alone.
// Threads:  different places from different threads, as long as all is done before the handler ends.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/outcome.hpp>

#include <cstddef>
#include <exception>
#include <system_error>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

template <class Reply>
class replies {
public:
    // As many as the batch has requests, in the same order.
    std::size_t size() const noexcept { return count_; }
    bool is_set(std::size_t index) const noexcept { return places_[index].ready(); }

    // Answers request `index`; of several answers the first one stands.  Needs: index < size(), and one answer each.
    template <class U = Reply>
        requires(!std::is_void_v<Reply>)
    void set(std::size_t index, U&& value) {
        if (!free(index)) return;
        places_[index].set_value(result<Reply>(std::forward<U>(value)));
    }
    void set(std::size_t index) noexcept
        requires std::is_void_v<Reply>
    {
        if (!free(index)) return;
        places_[index].set_value(result<void>());
    }
    // Its caller gets the error as its result.
    void fail(std::size_t index, std::error_code why) noexcept {
        if (!free(index)) return;
        places_[index].set_value(result<Reply>(why));
        note_failure();
    }
    void fail(std::size_t index, errc why) noexcept { fail(index, make_error_code(why)); }
    // Its caller has the exception thrown at it.
    void fail(std::size_t index, std::exception_ptr why) noexcept {
        if (!free(index)) return;
        places_[index].set_error(std::move(why));
        note_failure();
    }

    // For authors of primitives: over `count` outcomes that a lane owns.
    replies(outcome<result<Reply>>* places, std::size_t count) noexcept : places_{places}, count_{count} {}
    // For authors: whether all have their answer, and none is a value.  Needs: the handler to have ended.
    bool failed_whole() const noexcept {
        return failures_.load(relaxed) == count_; // the end of the handler is after all that it did
    }
    replies(replies const&) = delete;
    replies& operator=(replies const&) = delete;

private:
    void note_failure() noexcept { failures_.fetch_add(1, relaxed); } // read once the handler has ended
    bool free(std::size_t index) const noexcept {
        WEIR_ASSERT(index < count_, "a reply was given to a request that the batch does not have");
        WEIR_ASSERT(!places_[index].ready(), "a request of a batch was answered twice");
        return index < count_ && !places_[index].ready();
    }

    outcome<result<Reply>>* const places_;
    std::size_t const count_;
    atomic<std::size_t> failures_{0}; // not values, which are the rule and should cost nothing
};

} // namespace weir
