// bench/queue/queue.cpp: queues of 8-byte items, between threads and alone.

#include "contenders/boost.hpp"
#include "contenders/cache_line.hpp"
#include "contenders/crossbeam.hpp"
#include "contenders/moodycamel.hpp"
#include "contenders/mutex_deque.hpp"
#include "contenders/tbb.hpp"
#include "contenders/weir.hpp"
#include "workloads.hpp"

#include <harness/measure.hpp>

#include <cstdio>
#include <optional>

namespace {

using namespace bench;

void one_to_one(settings const& chosen, core_pair cores) {
    auto const through = [=]<class Manner>(Manner) {
        return [=]<class Queue> { return transfer<Queue, Manner>(1, cores); };
    };
    measure<weir_spsc, boost_spsc, moodycamel_spsc, mutex_deque>("spsc", chosen, through(single{}));
    measure<weir_spsc, boost_spsc, mutex_deque>("spsc bulk", chosen, through(bulk{}));
    measure<raw_cache_line, weir_spsc, boost_spsc, moodycamel_spsc, mutex_deque>(
        "spsc round trip", chosen, [=]<class Queue> { return round_trip<Queue>(cores); });
    measure<weir_mpmc, boost_queue, tbb_queue, tbb_bounded, moodycamel_mpmc, crossbeam_array, mutex_deque>(
        "mpmc 1:1", chosen, through(single{}));
    measure<weir_mpmc, moodycamel_mpmc, mutex_deque>("mpmc bulk 1:1", chosen, through(bulk{}));
    measure<weir_unbounded, moodycamel_mpmc>("unbounded 1:1", chosen, through(single{}));
}

void many_to_many(char const* workload, settings const& chosen, unsigned pairs, std::optional<core_pair> cores) {
    measure<weir_mpmc, boost_queue, tbb_queue, tbb_bounded, moodycamel_mpmc, crossbeam_array, mutex_deque>(
        workload, chosen, [=]<class Queue> { return transfer<Queue, single>(pairs, cores); });
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    measure<weir_spsc, boost_spsc, moodycamel_spsc, weir_mpmc, boost_queue, tbb_queue, tbb_bounded, moodycamel_mpmc,
            crossbeam_array, mutex_deque>("alone", chosen, []<class Queue> { return alone<Queue>(); });
    measure<weir_unbounded, moodycamel_mpmc>("unbounded alone", chosen, []<class Queue> { return alone<Queue>(); });

    auto const cores = two_cores();
    if (!cores) {
        std::fprintf(stderr, "%s: what takes two threads is left out: there is one core only\n", argv[0]);
        return 0;
    }
    auto const gated = chosen.across(*cores);
    one_to_one(gated, *cores);
    auto const sliced = gated.longer(4); // four threads and more on two cores take turns of milliseconds
    many_to_many("mpmc 2:2", sliced, 2, std::nullopt);
    many_to_many("mpmc 2:2 pinned", sliced, 2, cores);
    many_to_many("mpmc 4:4", sliced, 4, std::nullopt);
}
