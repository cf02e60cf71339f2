// tests/unit/coro/transfer.cpp: a chain of transfers does not grow the stack, in a loop, outside of one, and in one inside.
#include "support/scale.hpp"

#include <weir/coro/context.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/transfer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <coroutine>
#include <cstdint>
#include <exception>

using namespace weir;
using namespace weir::test;

namespace {

// Two of these hand the turn to each other until `left` is spent.
struct ping_pong {
    struct promise_type {
        ping_pong get_return_object() noexcept { return ping_pong{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};

struct hand_over {
    std::coroutine_handle<>& to;
    explicit hand_over(std::coroutine_handle<>& other) noexcept : to{other} {}
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept { return transfer(to); }
    void await_resume() const noexcept {}
};

struct reach {
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
    void note() noexcept {
        auto const here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        lowest = std::min(lowest, here);
        highest = std::max(highest, here);
    }
    std::uintptr_t bytes() const noexcept { return highest - lowest; }
};

ping_pong bounces(std::coroutine_handle<>& other, std::size_t& left, reach& stack) {
    while (left > 0) {
        --left;
        stack.note();
        co_await hand_over(other);
    }
}

struct pair {
    std::size_t left = scaled(1'000'000);
    reach stack;
    std::coroutine_handle<> first, second;
    pair() {
        first = bounces(second, left, stack).handle;
        second = bounces(first, left, stack).handle;
    }
    pair(pair const&) = delete;
    pair& operator=(pair const&) = delete;
    ~pair() {
        first.destroy();
        second.destroy();
    }
};

constexpr std::uintptr_t flat = 64 * 1024; // bytes

} // namespace

TEST_CASE("in a resume_loop the stack stays flat") {
    pair both;
    resume_loop loop;
    loop.run([&] { both.first.resume(); });
    CHECK(both.left == 0);
    CHECK(both.stack.bytes() < flat);
}

TEST_CASE("resume brings a loop of its own") {
    pair both;
    resume(both.first);
    CHECK(both.left == 0);
    CHECK(both.stack.bytes() < flat);
}

TEST_CASE("a transfer without any loop makes one") {
    pair both;
    both.first.resume();
    CHECK(both.left == 0);
    CHECK(both.stack.bytes() < flat);
}

TEST_CASE("a loop inside a loop leaves the outer one as it was") {
    pair inner;
    pair outer;
    resume_loop loop;
    loop.run([&] {
        resume(inner.first);
        outer.first.resume();
    });
    CHECK(inner.left == 0);
    CHECK(outer.left == 0);
    CHECK(outer.stack.bytes() < flat);
}
