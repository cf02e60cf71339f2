// test_package/test_package.cpp: a customer's whole program.
#include <weir/weir.hpp>

weir::task<int> twice(int number) { co_return 2 * number; }

int main() { return weir::sync_wait(twice(21)) == 42 ? 0 : 1; }
