// bench/tasks/contenders/weir_malloc.hpp: weir's task as it would be if its frames came from the C library's malloc.
#pragma once

#include "shape.hpp"

#include <weir/coro.hpp>
#include <weir/runtime.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace bench {

class weir_malloc_tasks {
public:
    static constexpr auto name = "weir, frames from malloc";

    std::uint64_t await(std::uint64_t times) {
        return runtime_->block_on(
            [](std::uint64_t left) -> weir::task<std::uint64_t> {
                std::uint64_t sum = 0;
                for (; left > 0; --left) sum += co_await one(1);
                co_return sum;
            },
            times);
    }

private:
    // Word for word weir/coro/task.hpp's, but for operator new.
    class number {
    public:
        class promise_type : public weir::value_promise<std::uint64_t> {
        public:
            number get_return_object() noexcept { return number{handle::from_promise(*this)}; }
            start initial_suspend() noexcept { return start{handle::from_promise(*this).address()}; }
            weir::final_transfer final_suspend() const noexcept { return {}; }
            static void* operator new(std::size_t bytes) {
                void* const frame = std::malloc(bytes);
                if (!frame) throw std::bad_alloc{};
                return frame;
            }
            static void operator delete(void* frame) noexcept { std::free(frame); }
        };
        using handle = std::coroutine_handle<promise_type>;

        number(number const&) = delete;
        number& operator=(number const&) = delete;
        ~number() { handle_.destroy(); }

        bool await_ready() const noexcept { return false; }
        template <class Promise>
        WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) noexcept {
            handle_.promise().awaited_by(parent, weir::context_of(parent));
            return weir::transfer(handle_);
        }
        std::uint64_t await_resume() { return handle_.promise().take(); }

    private:
        explicit number(handle coroutine) noexcept : handle_{coroutine} {}
        handle const handle_;
    };
    [[gnu::noinline]] static number one(std::uint64_t value) { co_return value; }

    static std::unique_ptr<weir::runtime> make() {
        weir::runtime_options options;
        options.workers = 1;
        return std::make_unique<weir::runtime>(options);
    }

    std::unique_ptr<weir::runtime> const runtime_ = make();
};

} // namespace bench
