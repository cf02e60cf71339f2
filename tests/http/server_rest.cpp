// tests/http/server_rest.cpp: connections that have been silent for a while, which hold no buffers, and miss nothing.
#include "serving.hpp"

#include <malloc.h>
#include <memory>
#include <vector>

using namespace http_test;

namespace {

http::server_options soon_at_rest() {
    http::server_options options;
    options.rest = 0ms; // at the next tick of the server's watch
    return options;
}

constexpr auto a_tick_and_more = 750ms;

// What of the heap is in use; 0 under allocators that do not say.
std::size_t heap() { return ::mallinfo2().uordblks; }

} // namespace

TEST_CASE("a connection that rests is served as before, in one piece or many, and again") {
    serving at{soon_at_rest()};
    caller one{at};
    caller slow{at};
    caller fresh{at}; // has never asked for anything
    auto const request = post("/echo", "Content-Length: 5\r\n", "hello");
    for (int round = 0; round < 2; ++round) {
        CHECK(one.ask(get("/a")).body == "/a");
        CHECK(slow.ask(get("/b")).body == "/b");
        std::this_thread::sleep_for(a_tick_and_more);
        CHECK(one.ask(get("/c") + get("/d")).body == "/c");
        CHECK(one.receive().body == "/d");
        for (char const& c : request) {
            CHECK(slow.send({&c, 1}));
            if (&c - request.data() == 7) std::this_thread::sleep_for(a_tick_and_more); // in the middle nothing rests
        }
        CHECK(slow.receive().body == "hello");
    }
    CHECK(fresh.ask(get("/e")).body == "/e");
    CHECK(at.counts().connections.value() == 3);
    CHECK(at.counts().timed_out.value() == 0);
}

TEST_CASE("who leaves while his connection rests is noticed, and so are the time for being idle and a drain") {
    auto options = soon_at_rest();
    options.idle = 2s;
    serving at{options};
    caller leaving{at};
    caller staying{at};
    for (auto* const each : {&leaving, &staying}) CHECK(each->ask(get("/a")).status == 200);
    std::this_thread::sleep_for(a_tick_and_more);
    leaving.leave();
    CHECK(eventually([&] { return at.open() == 1; }));
    CHECK(staying.ended());
    CHECK(at.counts().timed_out.value() == 1);
    caller drained{at};
    CHECK(drained.ask(get("/a")).status == 200);
    std::this_thread::sleep_for(a_tick_and_more);
    at.drain();
    CHECK(drained.ended());
    CHECK(at.emptied());
    CHECK(at.counts().timed_out.value() == 1);
}

TEST_CASE("a connection that rests holds little memory") {
    constexpr std::size_t count = 200;
    serving at{soon_at_rest()};
    std::vector<std::unique_ptr<caller>> all;
    for (std::size_t n = 0; n < count; ++n) all.push_back(std::make_unique<caller>(at));
    auto const long_head = get("/a", "X-Long: " + std::string(3000, 'x') + "\r\n");
    for (auto& each : all) CHECK(each->ask(long_head).status == 200);
    auto const busy = heap();
    CHECK(eventually([&] { return busy == 0 || heap() + count * 4096 < busy; }));
}
