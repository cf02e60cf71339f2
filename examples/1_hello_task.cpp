// examples/1_hello_task.cpp: three greetings that wait at the same time.
// One idea: a task is a function that may wait. Nothing of it runs until it is awaited; who awaits gets what it returns,
// or the exception that it ends with.
#include <weir/coro/when_all.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

namespace {

// The thread does other things while this sleeps.
weir::task<std::string> greet(std::string name, weir::duration pause) {
    if (name.empty()) throw std::invalid_argument{"nobody to greet"};
    static_cast<void>(co_await weir::sleep_for(pause)); // gives an error only where it is cut short
    co_return "hello, " + name;
}

weir::task<> run() {
    // One after the other, as in any function.
    std::printf("%s\n", (co_await greet("task", 1ms)).c_str());

    // All at once: the longest counts, not the sum.
    auto const begins = weir::clock::now();
    auto const [first, second, third] =
        co_await weir::when_all(greet("Ada", 100ms), greet("Grace", 100ms), greet("Barbara", 100ms));
    bool const together = weir::clock::now() - begins < 250ms;
    std::printf("%s; %s; %s: %s\n", first.c_str(), second.c_str(), third.c_str(),
                together ? "all in the time of one" : "one after the other");

    // The first to fail ends the wait of the others, and its exception comes out here.
    try {
        co_await weir::when_all(greet("nobody", 1h), greet("", 1ms));
    } catch (std::invalid_argument const& error) {
        std::printf("failed: %s\n", error.what());
    }
}

} // namespace

int main() {
    weir::runtime runtime; // a worker for each CPU that the process may use
    runtime.block_on(run);
}
