// examples/3_coalescer.cpp: a hundred tasks want one page, which is loaded once.
// One idea: callers of equal keys share a flight. It belongs to none of them: whoever has waited long enough leaves, even
// the one who came first, and the others get what they came for.
#include <weir/coro/when_all.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using pages = weir::coalescer<std::string, std::string>;

// Stands for what is slow: a database, another server. What it gives, or the error, goes to all who wait.
weir::task<weir::result<std::string>> load(std::string const& path) {
    auto const slept = co_await weir::sleep_for(200ms);
    if (!slept) co_return slept.error(); // asked to stop, as nobody waits any more
    co_return "the page of " + path;
}

// Whether it got the page.
weir::task<bool> visit(pages& of, std::string path) {
    auto const page = co_await of.get(path); // a handle to the one page that all share
    co_return page && **page == "the page of /";
}

weir::task<bool> visit_in_a_hurry(pages& of, std::string path) {
    co_return co_await weir::timeout(visit(of, std::move(path)), 20ms);
}

weir::task<> run(pages& of) {
    std::vector<weir::task<bool>> visitors;
    visitors.push_back(visit_in_a_hurry(of, "/")); // comes first, so its call begins the flight, and leaves first
    for (int n = 1; n < 100; ++n) visitors.push_back(visit(of, "/"));

    int served = 0;
    for (bool const one : co_await weir::when_all(std::move(visitors))) served += one;
    auto const counts = of.figures();
    std::printf("%d of 100 visitors served, pages loaded: %d, joined a flight: %d\n", served,
                static_cast<int>(counts.leads), static_cast<int>(counts.joins));
    co_await of.close(); // whatever is still in the air ends here
}

} // namespace

int main() {
    weir::runtime runtime;
    pages all{load};
    runtime.block_on(run, std::ref(all));
}
