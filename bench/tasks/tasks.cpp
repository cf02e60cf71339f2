// bench/tasks/tasks.cpp: tasks awaited, spawned and joined.

#include "contenders/asio.hpp"
#include "contenders/go.hpp"
#include "contenders/tbb.hpp"
#include "contenders/tokio.hpp"
#include "contenders/weir.hpp"
#include "contenders/weir_malloc.hpp"

#include <harness/child.hpp>
#include <harness/measure.hpp>

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <memory>

namespace {

using namespace bench;

// A body that has `Tasks` do something as often as it is told.
template <class Tasks, class Done>
auto doing(Done (Tasks::*what)(std::uint64_t)) {
    return [tasks = std::make_shared<Tasks>(), what](std::uint64_t times) {
        auto const done = (tasks.get()->*what)(times);
        if constexpr (std::same_as<Done, child::answer>) {
            must_equal(done.sum, times, Tasks::name);
            return done.took;
        } else {
            must_equal(done, times, Tasks::name);
        }
    };
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    measure<weir_tasks<1>, weir_malloc_tasks, asio_tasks<1>, tokio_tasks<1>>(
        "await", chosen, []<class Tasks> { return doing(&Tasks::await); });
    measure<weir_tasks<1>, asio_tasks<1>, tokio_tasks<1>>("resume", chosen,
                                                          []<class Tasks> { return doing(&Tasks::resume); });
    measure<weir_tasks<1>, asio_tasks<1>, tokio_tasks<1>, go_tasks<1>>(
        "yield", chosen, []<class Tasks> { return doing(&Tasks::yield); });
    measure<weir_tasks<1>, tokio_tasks<1>, go_tasks<1>>("when_all", chosen,
                                                        []<class Tasks> { return doing(&Tasks::when_all); });
    measure<weir_tasks<1>, asio_tasks<1>, tbb_tasks<1>, tokio_tasks<1>, go_tasks<1>>(
        "join 1", chosen, []<class Tasks> { return doing(&Tasks::join); });

    auto const cores = two_cores();
    if (!cores) {
        std::fprintf(stderr, "%s: what takes two threads is left out: there is one core only\n", argv[0]);
        return 0;
    }
    measure<weir_tasks<2>, asio_tasks<2>, tbb_tasks<2>, tokio_tasks<2>, go_tasks<2>>(
        "join 2", chosen.across(*cores), []<class Tasks> { return doing(&Tasks::join); });
}
