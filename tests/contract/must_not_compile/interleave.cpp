// tests/contract/must_not_compile/interleave.cpp: a lookup waits for memory and for nothing else.
#include <weir/coro/interleave.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>

#include <coroutine>

using namespace weir;

task<int> number() { co_return 1; }

interleaved<int> looks_up(int const* at) {
#ifdef awaits_a_task // says: await_transform
    co_await number();
#endif
#ifdef awaits_a_turn // says: await_transform
    co_await yield();
#endif
#ifdef suspends_by_hand // says: await_transform
    co_await std::suspend_always{};
#endif
    int const* const there = co_await prefetched(at);
    co_return *there;
}
