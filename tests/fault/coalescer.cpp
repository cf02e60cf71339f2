// tests/fault/coalescer.cpp: a coalescer without memory: who asked is told, nobody else notices, nothing is lost.
#include "fault/asking.hpp"
#include "fault/refusal.hpp"
#include "support/counting_new.hpp"

#include <weir/flow/coalescer.hpp>
#include <weir/flow/loader.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>

using namespace weir;
using namespace weir::test;

namespace {

using pages_of_text = coalescer<std::string, std::string>;

constexpr char const* name = "a key that is too long for the place that a string has for short ones";
std::string text_of(std::string const& key, int edition) { return key + ", edition " + std::to_string(edition); }

// A coalescer of values that allocate, an executor, and one who looks whether all is as it was.
class shop : immovable {
public:
    explicit shop(coalescer_options options = {})
        : pages{[this](std::string const& of) { return load(of); }, options} {}

    // Loads with what memory there is.
    task<result<std::string>> load(std::string const& of) {
        ++loads;
        if (waits) static_cast<void>(co_await loaded.wait());
        co_return text_of(of, edition);
    }
    static answer judge(result<shared_value<std::string>> const& got) {
        return got ? (**got).starts_with(name) ? answer::value : answer::other : answer::refused;
    }
    auto asks() {
        return [this] { return pages.get(key); }; // which copies the key only to lead
    }
    // Asks once more, now that there is memory; then ends it.
    fault reopens() {
        asker once{runs, asks(), &judge};
        once.go();
        runs.run_all();
        if (once.ended() != answer::value) return "who comes later is not served";
        return closes();
    }
    fault closes() {
        started<task<>> closing{pages.close(), context{runs}};
        runs.run_all();
        if (!closing.done()) return "it cannot be closed";
        auto const now = pages.figures();
        return now.in_flight == 0 && now.waiters == 0 && now.entries == 0 ? nullptr : "a flight or an entry is left";
    }

    std::string const key = name;
    line_executor runs;
    event loaded;
    bool waits = false;
    int edition = 1;
    int loads = 0;
    pages_of_text pages;
};

coalescer_options keeping(std::size_t most_entries) {
    coalescer_options options;
    options.time_to_live = duration::max();
    options.max_entries = most_entries;
    return options;
}

} // namespace

TEST_CASE("S20: a coalescer that cannot be made leaves nothing", "[coalescer]") {
    WEIR_CHECK_REFUSALS(4, [](refusal& memory) -> fault {
        std::optional<shop> one;
        bool failed = false;
        memory.during([&] {
            try {
                one.emplace(keeping(1000));
            } catch (std::bad_alloc const&) {
                failed = true;
            }
        });
        if (failed != memory.happened()) return "it was made without what it needs";
        return one ? one->closes() : nullptr;
    });
}

TEST_CASE("S20: who leads a flight for which there is no memory is told so, and the next one leads another",
          "[coalescer]") {
    WEIR_CHECK_REFUSALS(4, [](refusal& memory) -> fault {
        shop one;
        asker leader{one.runs, one.asks(), &shop::judge};
        memory.during([&] {
            leader.go();
            one.runs.run_all();
        });
        auto const wanted = leader.ended() == answer::value ? answer::value : answer::no_memory;
        if (leader.ended() != wanted) return "the leader was told something else";
        if (leader.ended() == answer::value && one.loads != 1) return "it was loaded twice";
        if (leader.ended() == answer::value && memory.happened() && one.pages.figures().failures != 0)
            return "a flight failed, and yet somebody had its value";
        return one.reopens();
    });
}

TEST_CASE("S20: a flight whose loader runs out of memory fails all who wait for it, once each", "[coalescer]") {
    WEIR_CHECK_REFUSALS(1, [](refusal& memory) -> fault {
        shop one;
        one.waits = true;
        asker leader{one.runs, one.asks(), &shop::judge};
        asker follower{one.runs, one.asks(), &shop::judge};
        leader.go();
        follower.go();
        one.runs.run_all();
        memory.during([&] {
            one.loaded.set();
            one.runs.run_all();
        });
        auto const wanted = memory.happened() ? answer::no_memory : answer::value;
        if (leader.ended() != wanted || follower.ended() != wanted) return "they were not told the same";
        return one.reopens();
    });
}

TEST_CASE("S20: to join a flight, to hit what is kept and to forget it needs no memory", "[coalescer]") {
    auto const told = at_every_allocation([](refusal& memory) -> fault {
        shop one{keeping(64)};
        one.waits = true;
        asker leader{one.runs, one.asks(), &shop::judge};
        leader.go();
        one.runs.run_all();
        asker joins{one.runs, one.asks(), &shop::judge};
        asker hits{one.runs, one.asks(), &shop::judge};
        bool gone = false;
        memory.during([&] {
            joins.go();
            one.runs.run_all();
        });
        one.loaded.set();
        one.runs.run_all();
        memory.during([&] {
            hits.go();
            one.runs.run_all();
            std::string const& key = one.key;
            gone = static_cast<bool>(one.pages.peek(key)) && one.pages.invalidate(key) && !one.pages.peek(key);
            gone = gone && one.pages.invalidate_if([](std::string const&) { return true; }) == 0;
            one.pages.clear();
        });
        for (answer const ended : {leader.ended(), joins.ended(), hits.ended()})
            if (ended != answer::value) return "somebody was not served";
        return gone ? one.reopens() : "what was invalidated is still there";
    });
    CHECK(told.found == nullptr);
    CHECK(told.points == 0);
}

TEST_CASE("S20: get_with without memory says so to its caller, and its function is destroyed", "[coalescer]") {
    WEIR_CHECK_REFUSALS(3, [](refusal& memory) -> fault {
        shop one;
        auto const held = std::make_shared<int>(1);
        bool well = false;
        {
            auto const load = [](std::string const& of, std::shared_ptr<int> const& number) -> task<result<std::string>> {
                co_return text_of(of, *number);
            };
            auto const asks = [&] { return one.pages.get_with(one.key, load, held); };
            asker caller{one.runs, asks, &shop::judge};
            memory.during([&] {
                caller.go();
                one.runs.run_all();
            });
            well = caller.ended() == answer::value || (caller.ended() == answer::no_memory && memory.happened());
        }
        if (!well) return "the caller was told something else";
        if (held.use_count() != 1) return "what the function was given is still held";
        return one.reopens();
    });
}

TEST_CASE("S20: a refresh without memory leaves what was kept", "[coalescer]") {
    WEIR_CHECK_REFUSALS(4, [](refusal& memory) -> fault {
        shop one{keeping(64)};
        asker first{one.runs, one.asks(), &shop::judge};
        first.go();
        one.runs.run_all();
        one.edition = 2;
        auto const asks = [&] { return one.pages.refresh(one.key); };
        asker anew{one.runs, asks, &shop::judge};
        memory.during([&] {
            anew.go();
            one.runs.run_all();
        });
        bool const loaded = anew.ended() == answer::value;
        if (!loaded && anew.ended() != answer::no_memory) return "the caller was told something else";
        {
            auto const kept = one.pages.peek(one.key);
            if (!kept || *kept != text_of(name, loaded ? 2 : 1)) return "what was kept is lost, or was changed half";
        }
        return one.reopens();
    });
}

TEST_CASE("S20: who is answered by what is stale does not notice that there is no memory to load it anew",
          "[coalescer]") {
    static time_point now;
    WEIR_CHECK_REFUSALS(2, [](refusal& memory) -> fault {
        now = time_point{std::chrono::hours{1000}};
        coalescer_options options;
        options.time_to_live = std::chrono::minutes{1};
        options.stale_while_revalidate = std::chrono::hours{10};
        options.jitter = 0;
        options.now = []() noexcept { return now; };
        shop one{options};
        asker first{one.runs, one.asks(), &shop::judge};
        first.go();
        one.runs.run_all();
        now += std::chrono::minutes{2};
        one.edition = 2;
        asker stale{one.runs, one.asks(), &shop::judge};
        memory.during([&] {
            stale.go();
            one.runs.run_all();
        });
        if (stale.ended() != answer::value) return "what is stale would have done";
        return one.reopens();
    });
}

TEST_CASE("S20: a bounded cache that is filled without memory keeps what it could load, and its bounds", "[coalescer]") {
    constexpr int keys = 40;
    constexpr std::size_t most = 16;
    WEIR_CHECK_REFUSALS(keys, [](refusal& memory) -> fault {
        line_executor runs;
        int loads = 0;
        coalescer<int, int> pages{[&loads](int key) -> task<result<int>> {
                                      ++loads;
                                      co_return key * 10;
                                  },
                                  keeping(most)};
        int had = 0;
        int next = 0;
        auto const ask = [&] { return pages.get(next); };
        auto const judge = [&](result<shared_value<int>> const& got) {
            return got && **got == next * 10 ? answer::value : answer::refused;
        };
        int wrong = 0;
        for (next = 0; next < keys; ++next) {
            asker one{runs, ask, judge};
            memory.during([&] {
                one.go();
                runs.run_all();
            });
            had += one.ended() == answer::value;
            wrong += one.ended() != answer::value && one.ended() != answer::no_memory;
        }
        if (wrong != 0) return "somebody was told something else";
        if (pages.figures().entries > most) return "the bound does not hold";
        if (loads < had) return "somebody had what was not loaded";
        for (next = 0; next < keys; ++next) {
            asker again{runs, ask, judge};
            again.go();
            runs.run_all();
            if (again.ended() != answer::value) return "a key cannot be had any more";
        }
        started<task<>> closing{pages.close(), context{runs}};
        runs.run_all();
        return closing.done() && pages.figures().in_flight == 0 ? nullptr : "it cannot be closed";
    });
}

TEST_CASE("S20: a loader without memory tells those whose key it was, and serves the next", "[loader]") {
    WEIR_CHECK_REFUSALS(1, [](refusal& memory) -> fault {
        line_executor runs;
        loader<int, int> rows{[](std::span<int> some, replies<int>& to) -> task<> {
            for (std::size_t n = 0; n < some.size(); ++n) to.set(n, some[n] * 10);
            co_return;
        }};
        auto const judge = [](result<shared_value<int>> const& got) {
            return got && **got == 70 ? answer::value : answer::refused;
        };
        auto const ask = [&] { return rows.get(7); };
        asker one{runs, ask, judge};
        asker other{runs, ask, judge};
        memory.during([&] {
            one.go();
            other.go();
            runs.run_all();
        });
        for (answer const each : {one.ended(), other.ended()})
            if (each != answer::value && each != answer::no_memory) return "somebody was told something else";
        asker later{runs, ask, judge};
        later.go();
        runs.run_all();
        if (later.ended() != answer::value) return "who comes later is not served";
        started<task<>> closing{rows.close(), context{runs}};
        runs.run_all();
        return closing.done() && rows.flights().in_flight == 0 ? nullptr : "it cannot be closed";
    });
}
