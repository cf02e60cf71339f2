// tests/contract/must_not_compile/spawn_limit.cpp: callables that g++ 12 breaks, and a refusal that nobody looks at.
#include <weir/sync/spawn_limit.hpp>

#include <memory>
#include <utility>

using namespace weir;

task<> child(std::shared_ptr<int>) { co_return; }

task<> spawns(spawn_limit& at_most, std::shared_ptr<int> held) {
#ifdef spawns_with_captures // before 13 says: pass them as arguments instead
    auto const begun = co_await at_most.spawn([held] { return child(held); }); // trap on purpose
#else
    auto const begun = co_await at_most.spawn(child, std::move(held));
#endif
    static_cast<void>(begun);
}
