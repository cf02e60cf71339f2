// tests/unit/runtime/hook.cpp: a hook calls what it was given, and the hooks of a runtime know their thread.
#include "support/watchdog.hpp"

#include <weir/runtime/hook.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;

TEST_CASE("an empty hook does nothing, and one that is set calls with its arguments") {
    hook<int, std::string const&> call;
    CHECK_FALSE(call);
    call(1, "nobody hears");
    std::string heard;
    call = [&](int number, std::string const& text) { heard = text + std::to_string(number); };
    CHECK(call);
    call(7, "n");
    CHECK(heard == "n7");
}

TEST_CASE("copies share the callable, which ends with the last of them") {
    auto const alive = std::make_shared<int>(0);
    {
        hook<> first = [alive] { ++*alive; };
        auto const second = first;
        first();
        second();
        CHECK(*alive == 2);
        first = {};
        CHECK_FALSE(first);
        second();
        CHECK(*alive == 3);
        CHECK(alive.use_count() == 2);
    }
    CHECK(alive.use_count() == 1);
}

namespace {

using calls = std::vector<std::pair<std::string, std::thread::id>>;

runtime_options here(calls& into) {
    runtime_options options;
    options.current_thread = true;
    options.on_thread_start = [&into](unsigned n) {
        into.emplace_back("start " + std::to_string(n), std::this_thread::get_id());
    };
    options.on_thread_stop = [&into](unsigned n) {
        into.emplace_back("stop " + std::to_string(n), std::this_thread::get_id());
    };
    return options;
}

} // namespace

TEST_CASE("a runtime of the current thread calls its hooks there, round all of its jobs") {
    test::watchdog const watched{20};
    calls all;
    auto const note = [](calls& into) -> task<> {
        into.emplace_back("job", std::this_thread::get_id());
        co_return;
    };
    {
        runtime rt{here(all)};
        CHECK(all.empty());
        rt.spawn(note, std::ref(all)); // queued; nobody has begun to serve
        CHECK(all.empty());
        rt.block_on(note, std::ref(all));
        rt.block_on(note, std::ref(all));
        rt.spawn(note, std::ref(all)); // for the shutdown
        CHECK(all.size() == 4);
    }
    auto const self = std::this_thread::get_id();
    CHECK(all == calls{{"start 0", self}, {"job", self}, {"job", self}, {"job", self}, {"job", self}, {"stop 0", self}});
}

TEST_CASE("a runtime of the current thread that never ran a task calls neither") {
    test::watchdog const watched{20};
    calls all;
    { runtime rt{here(all)}; }
    CHECK(all.empty());
    {
        runtime rt{here(all)};
        CHECK(rt.workers() == 1); // started, but nobody serves
    }
    CHECK(all.empty());
}
