// examples/5_cancel_and_timeout.cpp: four ways to end a wait early, none of which the waiting function knows of.
// One idea: whoever awaits passes on the right to stop. A stop goes down to whatever is being waited for, which ends with
// an error that says why; nothing is killed, so everything is cleaned up on the way back.
#include <weir/coro/scope.hpp>
#include <weir/coro/when_any.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <chrono>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

namespace {

// Knows nothing of limits: it waits, and says how that ended.
weir::task<std::string> fetch(weir::duration takes) {
    auto const waited = co_await weir::sleep_for(takes);
    co_return waited ? "fetched" : waited.error().message();
}

// A deadline holds for all that is awaited below it, however deep. Who has a use for what is left of it can ask.
weir::task<std::string> fetch_carefully() {
    weir::context const& here = co_await weir::this_task();
    auto const left = here.deadline - weir::clock::now();
    if (left < 1s) co_return "there is too little time even to begin";
    co_return co_await fetch(1h);
}

weir::task<> watch(char const* name) {
    auto const waited = co_await weir::sleep_for(1h);
    std::printf("%s: %s\n", name, waited ? "over" : waited.error().message().c_str());
}

weir::task<> run() {
    // 1. A limit round anything that can be awaited.
    auto const late = co_await weir::timeout(fetch(1h), 10ms);
    auto const soon = co_await weir::timeout(fetch(1ms), 1h);
    std::printf("timeout: %s, %s\n", late.c_str(), soon.c_str());

    // 2. A race: the first to end stops the others, and all have ended when it is over.
    auto const first = co_await weir::when_any(fetch(1h), fetch(1ms), fetch(2h));
    std::printf("race: number %d was first\n", static_cast<int>(first.index));

    // 3. A scope: its children end before it does, by themselves or because they are asked to.
    co_await weir::in_scope([](weir::scope& children) -> weir::task<> {
        children.spawn(watch, "child");
        static_cast<void>(co_await weir::sleep_for(5ms));
        children.request_stop();
    });

    // 4. A deadline that those below can see, and that is inherited.
    auto const answer = co_await weir::timeout(fetch_carefully(), 500ms);
    std::printf("deadline: %s\n", answer.c_str());
}

} // namespace

int main() {
    weir::runtime runtime;
    runtime.block_on(run);
}
