// tests/consumer/module/included.cpp: a unit of the same program that includes weir, as a library of others might.
#include <weir/coro/task.hpp>

weir::task<int> thrice(int number) { co_return 3 * number; }
