// examples/10_worker_local.cpp: a resource that is dear to make and that one thread at a time may use.
// One idea: each thread of the blocking pool makes its own when it first needs one and keeps it for the next call, which
// finds it clean, whichever task calls.
#include <weir/coro/when_all.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/runtime/worker_local.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

// Stands for a connection to a database, an engine for scripts, a model: 5 ms to make, and not for two threads.
class dictionary {
public:
    dictionary() : home_{std::this_thread::get_id()} { std::this_thread::sleep_for(5ms); }

    // What it remembers of a call must not be seen by the next one.
    std::size_t length_of(std::string word) {
        if (std::this_thread::get_id() != home_ || !last_word_.empty()) std::puts("this is never printed");
        last_word_ = std::move(word);
        return last_word_.size();
    }
    // False says: rather make a new one.
    bool forget() {
        bool const usable = last_word_ != "poison";
        last_word_.clear();
        return usable;
    }

private:
    std::thread::id const home_;
    std::string last_word_;
};

using dictionaries = weir::worker_local<dictionary>;

weir::task<std::size_t> look_up(dictionaries& of, std::string word) {
    // The word is an argument and not captured: it moves to the thread together with the call.
    auto const length = co_await of.with([](dictionary& its, std::string text) { return its.length_of(std::move(text)); },
                                         std::move(word));
    co_return length.value(); // an error only when the runtime is being shut down
}

weir::task<> look_up_many(dictionaries& of) {
    std::vector<weir::task<std::size_t>> all;
    for (int n = 0; n < 1000; ++n) all.push_back(look_up(of, n == 500 ? "poison" : "word"));
    std::size_t letters = 0;
    for (auto const one : co_await weir::when_all(std::move(all))) letters += one;
    std::printf("1000 calls, %zu letters\n", letters);
}

} // namespace

int main() {
    weir::runtime_options options;
    options.blocking.threads = 2;
    weir::runtime runtime{options};
    dictionaries shared{[] { return dictionary{}; }, [](dictionary& its) { return its.forget(); }};
    runtime.block_on(look_up_many, std::ref(shared));
    auto const counts = shared.counts();
    bool const few = counts.made <= 3; // one a thread, and one in place of the poisoned one
    std::printf("dictionaries made: %s, discarded: %d; calls that found one: %s\n", few ? "2 or 3" : "too many",
                static_cast<int>(counts.discarded), counts.reused >= 997 ? "all others" : "too few");
}
