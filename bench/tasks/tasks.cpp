// bench/tasks/tasks.cpp: tasks awaited, spawned and joined.

#include "contenders/asio.hpp"
#include "contenders/tbb.hpp"
#include "contenders/weir.hpp"

#include <harness/measure.hpp>

#include <cstdio>
#include <memory>

namespace {

using namespace bench;

// A body that has `Tasks` do something as often as it is told.
template <class Tasks>
auto doing(std::uint64_t (Tasks::*what)(std::uint64_t)) {
    return [tasks = std::make_shared<Tasks>(), what](std::uint64_t times) {
        must_equal((tasks.get()->*what)(times), times, Tasks::name);
    };
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    measure<weir_tasks<1>, asio_tasks<1>>("await", chosen, []<class Tasks> { return doing(&Tasks::await); });
    measure<weir_tasks<1>, asio_tasks<1>>("yield", chosen, []<class Tasks> { return doing(&Tasks::yield); });
    measure<weir_tasks<1>>("when_all", chosen, []<class Tasks> { return doing(&Tasks::when_all); });
    measure<weir_tasks<1>, asio_tasks<1>, tbb_tasks<1>>("join 1", chosen,
                                                        []<class Tasks> { return doing(&Tasks::join); });

    auto const cores = two_cores();
    if (!cores) {
        std::fprintf(stderr, "%s: what takes two threads is left out: there is one core only\n", argv[0]);
        return 0;
    }
    measure<weir_tasks<2>, asio_tasks<2>, tbb_tasks<2>>("join 2", chosen.across(*cores),
                                                        []<class Tasks> { return doing(&Tasks::join); });
}
