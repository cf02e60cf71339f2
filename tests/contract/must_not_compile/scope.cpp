// tests/contract/must_not_compile/scope.cpp: values that children cannot give, and callables that g++ 12 breaks.
#include <weir/coro/scope.hpp>

#include <memory>
#include <utility>

using namespace weir;

task<> nothing(scope&) { co_return; }
task<int> number() { co_return 1; }

void spawns(scope& children) {
#ifdef spawns_a_child_with_a_value // says: a spawned child gives nothing back
    children.spawn(number);
#else
    static_cast<void>(children.start(number));
#endif
}

int target = 0;

void starts(scope& children) {
#ifdef starts_a_child_that_gives_a_reference // says: let it give a pointer for a reference
    auto const refers = []() -> task<int&> { co_return target; };
#else
    auto const refers = []() -> task<int*> { co_return &target; };
#endif
    static_cast<void>(children.start(refers));
}

void starts_what_fails(scope& children) {
#ifdef starts_a_child_that_gives_an_error_as_a_value // says: let the child give a result<void>
    auto const fails = []() -> task<errc> { co_return errc::closed; };
#else
    auto const fails = []() -> task<result<void>> { co_return errc::closed; };
#endif
    static_cast<void>(children.start(fails));
}

task<> opens(std::shared_ptr<int> held) {
#ifdef opens_with_captures // before 13 says: pass them as arguments instead
    co_await in_scope([held](scope& children) { return nothing(children); }); // trap on purpose
#else
    auto const body = [](scope& children, std::shared_ptr<int>) { return nothing(children); };
    co_await in_scope(body, std::move(held));
#endif
}

task<> awaits_a_child(scope& children, std::shared_ptr<int> held) {
#ifdef starts_with_captures // before 13 says: pass them as arguments instead
    static_cast<void>(co_await children.start([held] { return number(); }).get()); // trap on purpose
#else
    auto const child = [](std::shared_ptr<int>) { return number(); };
    static_cast<void>(co_await children.start(child, std::move(held)).get());
#endif
}
