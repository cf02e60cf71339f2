// tests/contract/must_not_compile/generator.cpp: a generator waits for nothing, and is one place in one run.
#include <weir/coro/async_generator.hpp>
#include <weir/coro/generator.hpp>
#include <weir/coro/yield.hpp>

#include <string>
#include <utility>

using namespace weir;

generator<int> numbers() {
#ifdef awaits_in_a_generator // says: deleted
    co_await yield();
#endif
    co_yield 1;
}

void iterates() {
    auto values = numbers();
#ifdef copies_a_generator // says: deleted|copy constructor
    auto other = values;
#else
    auto other = std::move(values);
#endif
    auto at = other.begin();
#ifdef copies_an_iterator // says: deleted|copy constructor
    auto again = at;
#else
    auto again = std::move(at);
#endif
    static_cast<void>(*again);
}

struct row {
    std::string name;
    int number;
};

generator<row> rows() {
#ifdef yields_what_braces_build // before 13 says: yield a named one
    co_yield row{"a", 1};
#else
    row const first{"a", 1};
    co_yield first;
#endif
}

async_generator<row> rows_to_wait_for() {
#ifdef yields_what_braces_build_to_an_awaiter // before 13 says: yield a named one
    co_yield row{"a", 1};
#else
    row const first{"a", 1};
    co_yield first;
#endif
}

#ifdef yields_references_to_an_awaiter // says: yield pointers
async_generator<row&> references() {
    row first{"a", 1};
    co_yield first;
}
#endif
