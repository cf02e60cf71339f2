// tests/contract/must_not_compile/streams.cpp: what chunks and concurrent tasks cannot be made of.
#include <weir/channel/channel.hpp>
#include <weir/channel/chunks.hpp>
#include <weir/channel/for_each_concurrent.hpp>
#include <weir/channel/map_concurrent.hpp>
#include <weir/channel/read_ahead.hpp>
#include <weir/coro/async_generator.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

async_generator<int> numbers() { co_yield 1; }
task<> uses_up(int) { co_return; }
task<int> doubles(int number) { co_return number * 2; }

void waits_a_time_for_what_must_be_awaited_to_its_end(scope& children) {
#ifdef lingers_over_a_generator // says: read_ahead(children, std::move(generator), n)
    chunks const some{numbers(), 10, 5ms};
#else
    chunks const some{read_ahead(children, numbers(), 1), 10, 5ms};
#endif
#ifdef takes_what_is_ready_of_a_generator // says: read_ahead(children, std::move(generator), n)
    auto const ready = ready_chunks(numbers(), 10);
#else
    auto const ready = ready_chunks(read_ahead(children, numbers(), 10), 10);
#endif
}

#ifdef reads_a_vector_that_is_moved // says: constraints not satisfied|no viable|no matching
void reads() { chunks const some{std::vector<int>{1, 2, 3}, 2}; }
#else
void reads(std::vector<int> const& named) { chunks const some{named, 2}; }
#endif

struct row {
    int key;
    int value;
};

void weighs(channel<row>& rows) {
#ifdef weighs_what_has_no_bytes // says: what this element weighs must be said
    chunks some{rows, 10, weight_limit{100}};
#else
    chunks some{rows, 10, weight_limit{100, [](row const&) { return sizeof(row); }}};
#endif
    static_cast<void>(some.recv());
}

class fragile {
public:
    fragile() = default;
    fragile(fragile&&) noexcept(false) {}
};

task<fragile> makes_fragile(int) { co_return fragile{}; }
task<std::unique_ptr<fragile>> holds_fragile(int) { co_return std::make_unique<fragile>(); }

void gives(scope& children) {
#ifdef gives_what_cannot_be_moved_safely // says: a value whose move throws would be lost
    static_cast<void>(map_concurrent(children, numbers(), 2, &makes_fragile));
#else
    static_cast<void>(map_concurrent(children, numbers(), 2, &holds_fragile));
#endif
#ifdef maps_to_nothing // says: use for_each_concurrent
    static_cast<void>(unordered(children, numbers(), 2, &uses_up));
#else
    static_cast<void>(for_each_concurrent(numbers(), 2, &uses_up));
#endif
#ifdef drops_what_tasks_give // says: use map_concurrent or unordered
    static_cast<void>(for_each_concurrent(numbers(), 2, &doubles));
#else
    static_cast<void>(unordered(children, numbers(), 2, &doubles));
#endif
}

task<> ends(task<result<void>> work) { static_cast<void>(co_await std::move(work)); }

task<> passes_captures(std::shared_ptr<int> held) {
#ifdef calls_with_captures // before 13 says: pass them as arguments instead
    co_await ends(for_each_concurrent(numbers(), 2, [held](int) { return uses_up(*held); })); // trap on purpose
#else
    auto const body = [](int, std::shared_ptr<int> const& own) { return uses_up(*own); };
    co_await ends(for_each_concurrent(numbers(), 2, body, std::move(held)));
#endif
}
