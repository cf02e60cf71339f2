// tests/conformance/coro.cpp: tasks, and what makes one wait of several, keep the contract of a wait.
#include "conformance/conformance.hpp"
#include "conformance/own_scope.hpp"

#include <weir/coro/async_generator.hpp>
#include <weir/coro/fork_join.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/when_all_settled.hpp>
#include <weir/coro/when_any.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::conformance;

namespace {

// What the parts of each subject wait for.
struct of_events {
    explicit of_events(stage&) {}
    void complete() {
        first.set();
        second.set();
    }
    bool whole(std::size_t) { return first.is_set() && second.is_set(); }

    static task<std::error_code> wait_for(event& flag) {
        auto const waited = co_await flag.wait();
        co_return waited.error();
    }

    event first;
    event second;
};

// The first of two that were not alike is what the whole ends with.
std::error_code either(std::error_code one, std::error_code other) { return one ? one : other; }

struct a_task : of_events {
    static constexpr description row{.name = "task",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "what the task gives, as ever",
                                     .note = "it ends by itself, and before its awaiter goes on"};
    using of_events::of_events;
    task<std::error_code> wait() { co_return co_await wait_for(first); }
};

struct all_of : of_events {
    static constexpr description row{.name = "when_all",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "each part's is given",
                                     .note = "all are stopped, and all are joined"};
    using of_events::of_events;
    task<std::error_code> wait() {
        auto ends = co_await when_all(first.wait(), wait_for(second));
        co_return either(std::get<0>(ends).error(), std::get<1>(ends));
    }
};

struct all_of_many : of_events {
    static constexpr description row{.name = "when_all of a range, in a window",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "each part's is given",
                                     .note = "parts that have not begun still begin, and hear of it at their first wait",
                                     .at_once = false};
    using of_events::of_events;
    task<std::error_code> wait() {
        std::vector<task<std::error_code>> parts;
        for (event* const each : {&first, &second, &first}) parts.push_back(wait_for(*each));
        auto const ends = co_await when_all(std::move(parts), 2);
        co_return either(ends[0], either(ends[1], ends[2]));
    }
};

struct forked_pair : of_events {
    static constexpr description row{.name = "fork_join",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "each part's is given",
                                     .note = "all are joined; a part that fails stops nobody",
                                     .at_once = false};
    using of_events::of_events;
    task<std::error_code> wait() {
        auto const ends = co_await fork_join(wait_for(first), wait_for(second));
        co_return either(std::get<0>(ends), std::get<1>(ends));
    }
};

struct all_settled : of_events {
    static constexpr description row{.name = "when_all_settled",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "each part's is given",
                                     .note = "all are stopped, and all are joined"};
    using of_events::of_events;
    task<std::error_code> wait() {
        auto ends = co_await when_all_settled(first.wait(), wait_for(second));
        co_return either(std::get<0>(ends).take().error(), std::get<1>(ends).take());
    }
};

// The loser waits for what never comes, and is stopped and joined each time.
struct any_of : of_events {
    static constexpr description row{.name = "when_any",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "the first one's is given; a loser's is destroyed",
                                     .note = "losers are stopped and joined; to lose no message, race `reserve` "
                                             "or events"};
    using of_events::of_events;
    task<std::error_code> wait() {
        auto const won = co_await when_any(wait_for(first), wait_for(never));
        if (won.index == 0) co_return std::get<0>(won.value);
        co_return std::get<1>(won.value);
    }
    event never;
};

struct joined_scope : of_events {
    static constexpr description row{.name = "in_scope",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "the body's is given",
                                     .note = "the body and all children are stopped, and all are joined",
                                     .at_once = false};
    using of_events::of_events;
    task<std::error_code> wait() { co_return co_await in_scope(&body, this); }

private:
    static task<> child(of_events* self, std::error_code* end) { *end = co_await wait_for(self->second); }
    static task<std::error_code> body(scope& children, of_events* self) {
        std::error_code of_child;
        std::error_code const own = co_await in_scope(&inner, self, &of_child);
        static_cast<void>(children);
        co_return either(own, of_child);
    }
    static task<std::error_code> inner(scope& children, of_events* self, std::error_code* of_child) {
        children.spawn(&child, self, of_child);
        co_return co_await wait_for(self->first);
    }
};

// A child that nobody stops, and one who waits for what it gives.
struct child_get : of_events {
    static constexpr description row{.name = "child_value::get",
                                     .kind = on_cancel::safe,
                                     .value = "stays for the next `get`; the child goes on",
                                     .serves = audience::lone,
                                     .at_once = false};
    using of_events::of_events;
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        children.open(here, [&](scope& opened) { value.emplace(opened.start(&child, this)); });
        auto const got = co_await value->get();
        had += got.has_value();
        co_return got.error();
    }
    task<> close() { return children.join(); }
    bool whole(std::size_t completed) { return had == completed; }

private:
    static task<int> child(child_get* self) {
        co_await wait_for(self->first);
        co_return 1;
    }
    own_scope children;
    std::optional<child_value<int>> value;
    std::size_t had = 0;
};

struct generator_next : of_events {
    static constexpr description row{.name = "async_generator::next",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "what it yields all the same is given",
                                     .note = "one that is dropped at a `co_yield` is destroyed where it stands"};
    using of_events::of_events;
    task<std::error_code> wait() {
        auto ends = generate(*this);
        auto* const end = co_await ends.next();
        co_return end ? *end : make_error_code(errc::closed);
    }

private:
    static async_generator<std::error_code> generate(of_events& self) {
        std::error_code const end = co_await wait_for(self.first);
        co_yield end;
        co_yield end; // nobody asks for it
    }
};

struct giving_way : of_events {
    static constexpr description row{.name = "yield",
                                     .kind = on_cancel::not_stopped,
                                     .value = "there is none",
                                     .note = "the wait is short",
                                     .at_once = false,
                                     .by_itself = true};
    using of_events::of_events;
    task<std::error_code> wait() {
        co_await yield();
        co_return std::error_code{};
    }
};

using all_coro = std::tuple<a_task, all_of, all_of_many, forked_pair, all_settled, any_of, joined_scope, child_get,
                            generator_next, giving_way>;
in_table<all_coro> const lines{group::tasks};

} // namespace

TEMPLATE_LIST_TEST_CASE("tasks, and waits made of several, keep the contract of a wait", "", all_coro) {
    conforms<TestType>();
}
