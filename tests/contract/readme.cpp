// tests/contract/readme.cpp: the README's program, compiled and run.
#include <weir/weir.hpp>
#include <cstdio>

using namespace std::chrono_literals;

weir::task<int> load(std::string const& page) {          // slow, so it should run once
    auto slept = co_await weir::sleep_for(10ms);
    co_return slept ? static_cast<int>(page.size()) : 0;
}

weir::task<> ask(weir::coalescer<std::string, int>& pages) {
    auto size = co_await weir::timeout(pages.get("/front"), 1s);
    if (size) std::printf("%d bytes\n", **size);
}

int main() {
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        weir::coalescer<std::string, int> pages{load};
        co_await weir::when_all(ask(pages), ask(pages), ask(pages));   // three callers, one load
        co_await pages.close();
    });
}
