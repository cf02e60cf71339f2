// tests/unit/coro/stop.cpp: who listens is told once, in time, or not at all; and may leave at any moment.
#include <weir/coro/stop.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace weir;

namespace {

// Destroys its callback inside the callback's call.
class destroys_its_home {
public:
    destroys_its_home(void* home, void (*destroy)(void*), int& calls) noexcept
        : home_{home}, destroy_{destroy}, calls_{&calls} {}
    void operator()(errc) const noexcept {
        int* const count = calls_; // this callable dies with its callback
        destroy_(home_);
        ++*count;
    }

private:
    void* home_;
    void (*destroy_)(void*);
    int* calls_;
};

using home_of_one = std::optional<stop_callback<destroys_its_home>>;

} // namespace

TEST_CASE("only the first request counts, and its reason stands (T6)") {
    stop_source source;
    CHECK(!source.stop_requested());
    CHECK(source.request_stop(errc::timed_out));
    CHECK(!source.request_stop(errc::cancelled));
    CHECK(source.stop_requested());
    CHECK(source.reason() == errc::timed_out);
}

TEST_CASE("a token without a source is never stopped, and a callback on it is never called") {
    stop_token const none;
    CHECK(!none.stop_possible());
    CHECK(!none.stop_requested());
    bool called = false;
    { stop_callback const on_stop{none, [&](errc) noexcept { called = true; }}; }
    CHECK(!called);
}

TEST_CASE("callbacks are called once each, in the order in which they came") {
    stop_source source;
    std::vector<int> calls;
    stop_callback const first{source.token(), [&](errc) noexcept { calls.push_back(1); }};
    stop_callback const second{source.token(), [&](errc) noexcept { calls.push_back(2); }};
    source.request_stop();
    source.request_stop();
    CHECK(calls == std::vector<int>{1, 2});
}

TEST_CASE("a callback on a stopped source is called inside its constructor, with the reason") {
    stop_source source;
    source.request_stop(errc::closed);
    errc heard{};
    stop_callback const late{source.token(), [&](errc reason) noexcept { heard = reason; }};
    CHECK(heard == errc::closed);
}

TEST_CASE("a callback destroyed before the stop is not called") {
    stop_source source;
    int calls = 0;
    { stop_callback const gone{source.token(), [&](errc) noexcept { ++calls; }}; }
    source.request_stop();
    CHECK(calls == 0);
}

TEST_CASE("a callback may be destroyed inside its own call (T4)") {
    stop_source source;
    int calls = 0;
    home_of_one home;
    home.emplace(source.token(),
                 destroys_its_home{&home, [](void* mine) { static_cast<home_of_one*>(mine)->reset(); }, calls});
    stop_callback const after{source.token(), [&](errc) noexcept { calls += 10; }};
    source.request_stop();
    CHECK(calls == 11);
    CHECK(!home.has_value());
}

TEST_CASE("a callback may destroy another that was not called yet, which then never is") {
    stop_source source;
    int calls = 0;
    auto const counts = [&](errc) noexcept { ++calls; };
    std::optional<stop_callback<decltype(counts)>> other;
    stop_callback const first{source.token(), [&](errc) noexcept { other.reset(); }};
    other.emplace(source.token(), counts);
    source.request_stop();
    CHECK(calls == 0);
}

TEST_CASE("a callback may add another, which is called at once") {
    stop_source source;
    int calls = 0;
    stop_callback const outer{source.token(), [&](errc) noexcept {
                                  stop_callback const inner{source.token(), [&](errc) noexcept { ++calls; }};
                              }};
    source.request_stop();
    CHECK(calls == 1);
}

TEST_CASE("the destructor waits for a call that another thread is in the middle of (T4)") {
    stop_source source;
    atomic<bool> entered{false};
    atomic<bool> may_leave{false};
    atomic<bool> left{false};
    auto const slow = [&](errc) noexcept {
        entered.store(true, release);
        while (!may_leave.load(acquire)) std::this_thread::yield();
        left.store(true, release);
    };
    auto callback = std::make_unique<stop_callback<decltype(slow)>>(source.token(), slow);
    std::thread stops{[&] { source.request_stop(); }};
    while (!entered.load(acquire)) std::this_thread::yield();
    std::thread opens{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        CHECK(!left.load(acquire));
        may_leave.store(true, release);
    }};
    callback.reset();
    CHECK(left.load(acquire));
    opens.join();
    stops.join();
}

TEST_CASE("a linked source is stopped with the one above, for the same reason") {
    stop_source above;
    linked_stop_source below{above.token()};
    linked_stop_source further{below.token()};
    above.request_stop(errc::timed_out);
    CHECK(further.stop_requested());
    CHECK(further.reason() == errc::timed_out);
}

TEST_CASE("a linked source stopped on its own leaves the one above alone, and keeps its own reason") {
    stop_source above;
    linked_stop_source below{above.token()};
    below.request_stop(errc::closed);
    CHECK(!above.stop_requested());
    above.request_stop(errc::cancelled);
    CHECK(below.reason() == errc::closed);
}

TEST_CASE("a source linked to a stopped one begins stopped") {
    stop_source above;
    above.request_stop(errc::shut_down);
    linked_stop_source const below{above.token()};
    CHECK(below.stop_requested());
    CHECK(below.reason() == errc::shut_down);
}

TEST_CASE("a linked source that died hears nothing") {
    stop_source above;
    { linked_stop_source const gone{above.token()}; }
    CHECK(above.request_stop());
}

TEST_CASE("a stop climbs down a thousand linked sources") {
    stop_source top;
    std::vector<std::unique_ptr<linked_stop_source>> chain;
    for (int n = 0; n < 1000; ++n)
        chain.push_back(std::make_unique<linked_stop_source>(chain.empty() ? top.token() : chain.back()->token()));
    top.request_stop(errc::closed);
    CHECK(chain.back()->reason() == errc::closed);
    while (!chain.empty()) chain.pop_back();
}
