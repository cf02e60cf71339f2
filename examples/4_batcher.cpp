// examples/4_batcher.cpp: squares from a service that takes ten milliseconds a call, whether it is asked for one or many.
// One idea: while a call is under way, those who come gather, and go with the next one. Nobody waits for a batch to fill:
// who comes alone is served at once, and the busier the service is, the larger its batches are.
#include <weir/coro/when_all.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <span>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using squares = weir::batcher<int, int>;

// One call for many requests: the answer to each has the request's place.
weir::task<> handle(std::span<int> numbers, weir::replies<int>& answers) {
    static_cast<void>(co_await weir::sleep_for(10ms));
    for (std::size_t n = 0; n < numbers.size(); ++n)
        if (numbers[n] >= 0) answers.set(n, numbers[n] * numbers[n]); // a place left empty fails its own caller alone
}

// Whether the answer is its own.
weir::task<bool> ask(squares& of, int number) {
    auto const square = co_await of.submit(number);
    co_return square ? *square == number * number : number < 0 && square.error() == weir::errc::no_reply;
}

weir::task<> run(squares& of) {
    bool const alone = co_await ask(of, 7);
    std::printf("one caller: %s, calls of the service: %d\n", alone ? "right" : "wrong",
                static_cast<int>(of.figures().batches));

    std::vector<weir::task<bool>> callers;
    for (int n = -1; n < 1000; ++n) callers.push_back(ask(of, n));
    int right = 0;
    for (bool const one : co_await weir::when_all(std::move(callers))) right += one;
    // Those that have come by the time the service begins go first, then up to 256 at a time.
    std::printf("1001 callers: %d right, calls of the service: %d\n", right, static_cast<int>(of.figures().batches) - 1);
    co_await of.close(); // sends what is pending; afterwards nothing is accepted
}

} // namespace

int main() {
    weir::runtime runtime;
    weir::batcher_options options;
    options.max_items = 256;
    squares all{handle, options};
    runtime.block_on(run, std::ref(all));
}
