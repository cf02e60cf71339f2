// tests/contract/compiler_traps.cpp: patterns in which compilers went wrong, in the forms that weir uses and recommends.
// Each pattern runs to its end, and again and again, destroyed at its first suspension, at its second, and so on;
// whatever happens every value is destroyed just once. Then stacks that must not grow, and thread-locals.
#include "support/counted.hpp"

#include <weir/base/current.hpp>
#include <weir/coro/async_generator.hpp>
#include <weir/coro/generator.hpp>
#include <weir/coro/promise.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/transfer.hpp>

#include <array>
#include <coroutine>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace weir;
using weir::test::counted;

namespace {

// A suspension that the test ends, or does not.
std::coroutine_handle<> parked;
class park {
public:
    park() noexcept {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const noexcept { parked = handle; }
    void await_resume() const noexcept {}
};

// The outermost coroutine, which is destroyed with this.
class root {
public:
    class promise_type;
    using handle = std::coroutine_handle<promise_type>;
    class promise_type : public promise_base {
    public:
        root get_return_object() noexcept { return root{handle::from_promise(*this)}; }
        start initial_suspend() noexcept { return start{handle::from_promise(*this).address()}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    root(root&&) = delete;
    ~root() { handle_.destroy(); }
    void begin(context const& where) {
        handle_.promise().awaited_by(nullptr, where);
        resume(handle_);
    }
    bool done() const noexcept { return handle_.done(); }

private:
    explicit root(handle coroutine) noexcept : handle_{coroutine} {}
    handle handle_;
};

class named { // a type with a constructor
public:
    named(counted held, std::string text) : held_{std::move(held)}, text_{std::move(text)} {}
    int value() const noexcept { return text_.empty() ? -1 : held_.value; }

private:
    counted held_;
    std::string text_;
};
struct row { // an aggregate
    counted held;
    std::string text;
};

std::string long_text() { return std::string(60, 'x'); }

task<int> number(int n) {
    co_await park();
    co_return n;
}
task<counted> value(int n) {
    co_await park();
    co_return counted{n};
}
task<int> takes(counted held) {
    co_await park();
    co_return held.value;
}
task<int> takes_named(named held) {
    co_await park();
    co_return held.value();
}
task<int> takes_row(row held) {
    co_await park();
    co_return held.held.value;
}
task<int> refers_to(counted const& held) {
    co_await park();
    co_return held.value;
}
template <class F, class... Args>
task<int> calls(F fn, Args... args) {
    co_await park();
    co_return fn(std::move(args)...);
}
task<> throws(counted held) {
    co_await park();
    if (held.value > 0) throw std::runtime_error("on purpose");
}
task<std::vector<counted>> several() {
    std::vector<counted> made;
    for (int n = 1; n <= 3; ++n) made.emplace_back(n);
    co_await park();
    co_return made;
}
task<std::tuple<counted, counted>> pair() {
    co_await park();
    counted first{1};
    counted second{2};
    co_return std::tuple<counted, counted>(std::move(first), std::move(second));
}
async_generator<counted> counts(int up_to) {
    for (int n = 1; n <= up_to; ++n) {
        co_await park();
        co_yield counted{n};
    }
}
async_generator<std::string> texts() {
    std::string const text = long_text();
    co_await park();
    co_yield text;
    co_yield text + "y";
}

// The patterns. Each gives true when the values are right.
task<bool> a_condition_that_was_named_first() {
    int sum = 0;
    for (int n = 0; n < 3; ++n) {
        bool const odd = co_await number(n) % 2 == 1;
        if (odd) ++sum;
    }
    co_return sum == 1;
}
task<bool> a_condition_with_no_other_local() {
    auto const is = co_await number(1);
    if (is) co_return true;
    co_return false;
}
task<bool> an_argument_by_value() {
    int const got = co_await takes(counted{3});
    co_return got == 3;
}
task<bool> an_argument_by_reference() {
    int const got = co_await refers_to(counted{3});
    co_return got == 3;
}
task<bool> a_class_with_a_constructor() {
    int const got = co_await takes_named(named(counted{4}, long_text()));
    co_return got == 4;
}
task<bool> an_aggregate_that_was_named_first() {
    row mine{counted{5}, long_text()};
    int const got = co_await takes_row(std::move(mine));
    co_return got == 5;
}
task<bool> a_lambda_that_was_named_first() {
    auto fn = [held = std::make_shared<counted>(6)] { return held->value; };
    int const got = co_await calls(std::move(fn));
    co_return got == 6;
}
task<bool> a_lambda_that_refers() {
    counted const held{7};
    int const got = co_await calls([&held] { return held.value; });
    co_return got == 7;
}
task<bool> arguments_instead_of_captures() {
    counted held{8};
    int const got = co_await calls([](counted of, std::string text) { return text.size() == 60 ? of.value : -1; },
                                   std::move(held), long_text());
    co_return got == 8;
}
task<bool> if_and_else_instead_of_a_conditional() {
    int sum = 0;
    for (bool const first : {true, false}) {
        if (first) {
            counted const got = co_await value(1);
            sum += got.value;
        } else {
            counted const got = co_await value(10);
            sum += got.value;
        }
    }
    co_return sum == 11;
}
task<bool> locals_before_an_array_and_an_aggregate() {
    counted one = co_await value(1);
    counted two = co_await value(2);
    counted both[2] = {std::move(one), std::move(two)};
    co_await park();
    row mine{std::move(both[1]), long_text()};
    co_await park();
    co_return mine.held.value == 2 && both[0].value == 1;
}
task<bool> a_vector_that_is_pushed_to() {
    std::vector<counted> all;
    for (int n = 0; n < 3; ++n) all.push_back(co_await value(n));
    co_return all.size() == 3 && all[2].value == 2;
}
task<bool> a_binding_of_a_named_result() {
    int sum = 0;
    for (int n = 0; n < 2; ++n) {
        auto both = co_await pair();
        auto& [first, second] = both;
        co_await park();
        sum += first.value + second.value;
    }
    co_return sum == 6;
}
task<bool> a_range_for_over_a_named_result() {
    int sum = 0;
    auto const all = co_await several();
    for (auto const& each : all) {
        co_await park();
        sum += each.value;
    }
    co_return sum == 6;
}
task<bool> awaits_in_awaits() {
    int const got = co_await number(co_await number(co_await number(4)));
    co_return got == 4;
}
task<bool> a_temporary_across_a_suspension() {
    auto const adds = [](counted const& held, int n) { return held.value + n; };
    int const got = adds(counted{3}, co_await number(4));
    co_return got == 7;
}
task<bool> a_string_around_an_await() {
    std::string const text = long_text() + std::to_string(co_await number(5)) + long_text();
    co_return text.size() == 121;
}
task<bool> a_loop_that_catches() {
    int caught = 0;
    for (int n = 1; n <= 3; ++n) {
        try {
            counted const local{n};
            co_await throws(counted{local.value});
        } catch (std::runtime_error const&) {
            ++caught;
        }
        co_await park();
    }
    co_return caught == 3;
}
task<bool> a_pointer_passed_on() {
    auto const passes = [](std::unique_ptr<counted> held) -> task<std::unique_ptr<counted>> {
        co_await park();
        co_return held;
    };
    auto const got = co_await passes(std::make_unique<counted>(9));
    co_return got->value == 9;
}
task<bool> awaits_in_the_head_of_a_for() {
    int sum = 0;
    auto values = counts(3);
    for (auto* at = co_await values.next(); at; at = co_await values.next()) sum += at->value;
    co_return sum == 6;
}
task<bool> yields_of_variables_and_temporaries() {
    std::size_t length = 0;
    auto all = texts();
    for (auto* at = co_await all.next(); at; at = co_await all.next()) length += at->size();
    co_return length == 121;
}

using pattern = task<bool> (*)();
class named_pattern {
public:
    named_pattern(char const* called, pattern function) noexcept : name{called}, what{function} {}
    char const* name;
    pattern what;
};
#define WEIR_PATTERN(function) named_pattern(#function, &function)
named_pattern const patterns[] = {
    WEIR_PATTERN(a_condition_that_was_named_first),
    WEIR_PATTERN(a_condition_with_no_other_local),
    WEIR_PATTERN(an_argument_by_value),
    WEIR_PATTERN(an_argument_by_reference),
    WEIR_PATTERN(a_class_with_a_constructor),
    WEIR_PATTERN(an_aggregate_that_was_named_first),
    WEIR_PATTERN(a_lambda_that_was_named_first),
    WEIR_PATTERN(a_lambda_that_refers),
    WEIR_PATTERN(arguments_instead_of_captures),
    WEIR_PATTERN(if_and_else_instead_of_a_conditional),
    WEIR_PATTERN(locals_before_an_array_and_an_aggregate),
    WEIR_PATTERN(a_vector_that_is_pushed_to),
    WEIR_PATTERN(a_binding_of_a_named_result),
    WEIR_PATTERN(a_range_for_over_a_named_result),
    WEIR_PATTERN(awaits_in_awaits),
    WEIR_PATTERN(a_temporary_across_a_suspension),
    WEIR_PATTERN(a_string_around_an_await),
    WEIR_PATTERN(a_loop_that_catches),
    WEIR_PATTERN(a_pointer_passed_on),
    WEIR_PATTERN(awaits_in_the_head_of_a_for),
    WEIR_PATTERN(yields_of_variables_and_temporaries),
};

int failures = 0;
void expect(bool holds, char const* what, char const* detail) {
    if (holds) return;
    std::printf("%s: %s\n", what, detail);
    ++failures;
}

root runs(pattern what, bool& right) {
    right = co_await what();
}

// Runs a pattern up to its k-th suspension, or to its end where that comes first.  Returns: whether it ended.
bool ends_before(named_pattern const& of, int suspensions) {
    context const nowhere;
    bool right = false;
    bool ended = false;
    {
        root whole = runs(of.what, right);
        whole.begin(nowhere);
        for (int n = 1; n < suspensions && !whole.done(); ++n) resume(parked);
        ended = whole.done();
    }
    expect(counted::alive == 0, of.name, ended ? "at its end values are left, or were destroyed twice"
                                               : "destroyed in the middle, values are left, or were destroyed twice");
    counted::alive = 0;
    if (ended) expect(right, of.name, "gives another value");
    return ended;
}

// How deep the stack was.
char* lowest = nullptr;
char* highest = nullptr;
WEIR_NOINLINE void mark_the_stack() noexcept {
    char here = 0;
    char* volatile at = &here;
    if (!lowest || at < lowest) lowest = at;
    if (!highest || at > highest) highest = at;
}

constexpr int many = 1'000'000;

task<int> one_at_once() {
    mark_the_stack();
    co_return 1;
}
async_generator<int> ones() {
    for (int n = 0; n < many; ++n) {
        mark_the_stack();
        co_yield int{1};
    }
}
task<bool> a_million_awaits_of_what_ends_at_once() {
    int sum = 0;
    for (int n = 0; n < many; ++n) sum += co_await one_at_once();
    co_return sum == many;
}
task<bool> a_million_values_of_a_generator() {
    int sum = 0;
    auto all = ones();
    for (auto* at = co_await all.next(); at; at = co_await all.next()) sum += *at;
    co_return sum == many;
}
task<int> nested(int depth) {
    mark_the_stack();
    if (depth == 0) co_return 0;
    int const below = co_await nested(depth - 1);
    mark_the_stack();
    co_return below + 1;
}
task<bool> a_hundred_thousand_tasks_in_each_other() {
    int const depth = co_await nested(100'000);
    co_return depth == 100'000;
}

void stays_shallow(named_pattern const& of) {
    lowest = highest = nullptr;
    static_cast<void>(ends_before(of, 2));
    expect(highest - lowest < 128 * 1024, of.name, "the stack grows");
}

// Goes on on a thread of its own, which has a number.
class hop {
public:
    hop(std::thread& onto, int number) noexcept : onto_{&onto}, number_{number} {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        std::thread& onto = *onto_; // read first: once the thread runs the awaiter may be gone
        onto = std::thread{[handle, mine = number_]() mutable {
            current_guard<int> const installed{&mine};
            resume(handle);
        }};
    }
    void await_resume() const noexcept {}

private:
    std::thread* onto_;
    int number_;
};

root sees_its_thread(std::vector<std::thread>& threads, int& wrong, void const*& last_mark) {
    for (int n = 0; n < static_cast<int>(threads.size()); ++n) {
        int const* const before = current<int>();
        void const* const mark = this_thread_mark();
        wrong += n > 0 && (!before || *before != n - 1);
        co_await hop(threads[static_cast<std::size_t>(n)], n);
        int const* const after = current<int>();
        wrong += !after || *after != n;
        wrong += this_thread_mark() == mark;
        last_mark = this_thread_mark();
    }
}

void thread_locals_across_suspensions() {
    context const nowhere;
    std::vector<std::thread> threads(8);
    int wrong = 0;
    void const* last_mark = nullptr;
    {
        root whole = sees_its_thread(threads, wrong, last_mark);
        whole.begin(nowhere);
        for (auto& each : threads) each.join(); // each is begun before the one before it ends
        expect(whole.done(), "a coroutine that hops", "it did not come to its end");
    }
    expect(wrong == 0, "a thread-local across a suspension", "it is that of the thread before");
}

generator<int> throws_behind_a_yield() {
    counted const held{1};
    co_yield held.value;
    throw std::runtime_error("on purpose");
}
void a_throw_through_a_generator() {
    try {
        for (int const n : throws_behind_a_yield()) expect(n == 1, "a throw through a generator", "another value");
        expect(false, "a throw through a generator", "it does not come out");
    } catch (std::runtime_error const&) {
    }
    expect(counted::alive == 0, "a throw through a generator", "values are left, or were destroyed twice");
    counted::alive = 0;
}

} // namespace

int main() {
    for (auto const& each : patterns)
        for (int suspensions = 1; !ends_before(each, suspensions); ++suspensions) {}
    stays_shallow(WEIR_PATTERN(a_million_awaits_of_what_ends_at_once));
    stays_shallow(WEIR_PATTERN(a_million_values_of_a_generator));
    stays_shallow(WEIR_PATTERN(a_hundred_thousand_tasks_in_each_other));
    thread_locals_across_suspensions();
    a_throw_through_a_generator();
    return failures != 0;
}
