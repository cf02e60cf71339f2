// tests/fault/batcher.cpp: a batcher without memory: a submit needs none; what the handler lacks fails its batch alone.
#include "fault/asking.hpp"
#include "fault/refusal.hpp"
#include "support/counting_new.hpp"

#include <weir/flow/batcher.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <span>

using namespace weir;
using namespace weir::test;

namespace {

struct by_value {
    int key(std::unique_ptr<int> const& one) const noexcept { return *one; }
};

// A batcher of what can only be moved, whose handler waits and then answers each with ten times as much.
template <class Rules = no_rules>
class counting : immovable {
public:
    explicit counting(batcher_options options = {})
        : rows{[this](std::span<std::unique_ptr<int>> all, replies<int>& to) { return answer_all(all, to); }, options} {
        open.set();
    }

    task<> answer_all(std::span<std::unique_ptr<int>> batch, replies<int>& to) {
        scratch = std::make_unique<int>(0); // as a handler that does something would
        static_cast<void>(co_await open.wait());
        for (std::size_t n = 0; n < batch.size(); ++n) to.set(n, *batch[n] * 10);
    }
    auto asks(int number) {
        struct one_ask {
            counting* of;
            int number;
            std::unique_ptr<int> request = std::make_unique<int>(number);
            auto operator()() { return of->rows.submit(std::move(request)); }
        };
        return one_ask{this, number};
    }
    static auto judge(int number) {
        return [number](result<int> const& got) {
            if (got) return *got == number * 10 ? answer::value : answer::other;
            return got.error() == errc::no_reply ? answer::no_memory : answer::refused;
        };
    }
    // So many ask at once, behind one that is under way already.  Returns: how it ended for each.
    template <std::size_t Many>
    std::array<answer, Many> ask_many(refusal& memory, int kinds) {
        open.reset();
        asker first{runs, asks(1), judge(1)};
        first.go();
        runs.run_all();
        using one = asker<decltype(asks(0)), decltype(judge(0))>;
        std::deque<one> all;
        for (std::size_t n = 0; n < Many; ++n) {
            int const number = static_cast<int>(n) % kinds;
            all.emplace_back(runs, asks(number), judge(number));
        }
        memory.during([&] {
            for (one& each : all) each.go();
            runs.run_all();
            open.set();
            runs.run_all();
        });
        std::array<answer, Many> ends{};
        for (std::size_t n = 0; n < Many; ++n) ends[n] = all[n].ended();
        return ends;
    }
    fault reopens() {
        asker once{runs, asks(7), judge(7)};
        once.go();
        runs.run_all();
        if (once.ended() != answer::value) return "who comes later is not served";
        started<task<>> closing{rows.close(), context{runs}};
        runs.run_all();
        auto const now = rows.figures();
        if (!closing.done() || now.pending != 0 || now.in_flight != 0) return "it cannot be closed";
        return nullptr;
    }

    line_executor runs;
    event open;
    std::unique_ptr<int> scratch;
    batcher<std::unique_ptr<int>, int, Rules> rows;
};

template <std::size_t Many>
fault all_served_or(std::array<answer, Many> const& ends, bool excused) {
    for (answer const each : ends)
        if (each != answer::value && !(excused && each == answer::no_memory)) return "somebody was told something else";
    return nullptr;
}

template <class Rules>
fault made_or_not(refusal& memory) {
    std::optional<counting<Rules>> one;
    bool failed = false;
    batcher_options options;
    options.max_in_flight = 3;
    memory.during([&] {
        try {
            one.emplace(options);
        } catch (std::bad_alloc const&) {
            failed = true;
        }
    });
    if (failed != memory.happened()) return "it was made without what it needs";
    return one ? one->reopens() : nullptr;
}

} // namespace

TEST_CASE("a batcher that cannot be made leaves nothing", "[batcher]") {
    WEIR_CHECK_REFUSALS(7, [](refusal& memory) { return made_or_not<no_rules>(memory); });
    WEIR_CHECK_REFUSALS(8, [](refusal& memory) { return made_or_not<by_value>(memory); });
}

TEST_CASE("to submit, to stand in line and to leave it needs no memory", "[batcher]") {
    auto const told = at_every_allocation([](refusal& memory) -> fault {
        counting<> one;
        one.open.reset();
        asker first{one.runs, one.asks(1), one.judge(1)};
        first.go();
        one.runs.run_all();
        asker second{one.runs, one.asks(2), one.judge(2)};
        memory.during([&] {
            second.go();
            one.runs.run_all();
        });
        one.open.set();
        one.runs.run_all();
        if (first.ended() != answer::value || second.ended() != answer::value) return "somebody was not served";
        return one.reopens();
    });
    CHECK(told.found == nullptr);
    CHECK(told.points == 0);
}

TEST_CASE("batches stay smaller where there is no memory for a larger one, and a handler without memory fails its own",
          "[batcher]") {
    WEIR_CHECK_REFUSALS(2, [](refusal& memory) -> fault {
        counting<> one;
        auto const ends = one.ask_many<60>(memory, 60);
        if (fault const found = all_served_or(ends, memory.happened())) return found;
        return one.reopens();
    });
}

TEST_CASE("who shares a request shares its fate without memory, too", "[batcher]") {
    WEIR_CHECK_REFUSALS(1, [](refusal& memory) -> fault {
        counting<by_value> one;
        auto const ends = one.ask_many<60>(memory, 4);
        if (fault const found = all_served_or(ends, memory.happened())) return found;
        for (std::size_t n = 4; n < ends.size(); ++n)
            if (ends[n] != ends[n % 4]) return "they asked for the same and were told something else";
        return one.reopens();
    });
}

TEST_CASE("a batch that is tried again by halves is answered, or fails, without memory as with it", "[batcher]") {
    WEIR_CHECK_REFUSALS(1, [](refusal& memory) -> fault {
        batcher_options options;
        options.on_error = on_batch_error::bisect;
        counting<> one{options};
        auto const ends = one.ask_many<12>(memory, 12);
        if (fault const found = all_served_or(ends, memory.happened())) return found;
        return one.reopens();
    });
}

TEST_CASE("a handler that asks its own batcher, and for whose lane there is no memory, is told so alone", "[batcher]") {
    WEIR_CHECK_REFUSALS(4, [](refusal& memory) -> fault {
        line_executor runs;
        struct nested {
            static task<> run(batcher<int, int>* rows, std::span<int> batch, replies<int>& to) {
                for (std::size_t n = 0; n < batch.size(); ++n) {
                    if (batch[n] == 0) {
                        to.set(n, 1);
                        continue;
                    }
                    auto const below = co_await rows->submit(batch[n] - 1);
                    if (below) to.set(n, *below * 2);
                    else to.set(n, below.error());
                }
            }
        };
        batcher<int, int>* itself = nullptr;
        batcher<int, int> rows{[&itself](std::span<int> batch, replies<int>& to) {
            return nested::run(itself, batch, to);
        }};
        itself = &rows;
        auto const judge = [](result<int> const& got) { return got && *got == 4 ? answer::value : answer::refused; };
        auto const ask = [&] { return rows.submit(2); };
        asker one{runs, ask, judge};
        memory.during([&] {
            one.go();
            runs.run_all();
        });
        auto const excused = memory.happened() && one.ended() == answer::no_memory;
        if (one.ended() != answer::value && !excused) return "the caller was told something else";
        asker later{runs, ask, judge};
        later.go();
        runs.run_all();
        if (later.ended() != answer::value) return "who comes later is not served";
        started<task<>> closing{rows.close(), context{runs}};
        runs.run_all();
        return closing.done() && rows.figures().in_flight == 0 ? nullptr : "it cannot be closed";
    });
}
