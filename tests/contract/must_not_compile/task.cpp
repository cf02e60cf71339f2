// tests/contract/must_not_compile/task.cpp: a task is awaited once, by one.
#include <weir/coro/task.hpp>

#include <utility>

weir::task<int> number() { co_return 1; }

weir::task<int> awaits() {
    auto mine = number();
#ifdef awaits_an_lvalue // says: co_await|operator
    int const got = co_await mine;
#else
    int const got = co_await std::move(mine);
#endif
    co_return got;
}

weir::task<int> copies() {
    auto mine = number();
#ifdef copies_a_task // says: deleted|copy constructor
    auto other = mine;
#else
    auto other = std::move(mine);
#endif
    int const got = co_await std::move(other);
    co_return got;
}
