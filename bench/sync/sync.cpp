// bench/sync/sync.cpp: mutex, semaphore and event, by one task alone and by several on two workers.

#include "contenders/go.hpp"
#include "contenders/shape.hpp"
#include "contenders/std.hpp"
#include "contenders/tokio.hpp"
#include "contenders/weir.hpp"

#include <harness/measure.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>

namespace {

using namespace bench;

void compare(char const* workload, settings const& chosen, shape how) {
    measure<weir_sync, std_sync, go_sync, tokio_sync>(workload, chosen, [how]<class Contender> {
        return [runs = std::make_shared<Contender>(how)](std::uint64_t times) { return runs->run(times); };
    });
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    compare("mutex alone", chosen, {primitive::mutex, 1, 1});
    compare("semaphore alone", chosen, {primitive::semaphore, 1, 1});
    compare("event alone", chosen, {primitive::event, 1, 1});

    auto const cores = two_cores();
    if (!cores) {
        std::fprintf(stderr, "%s: what takes two workers is left out: there is one core only\n", argv[0]);
        return 0;
    }
    auto const gated = chosen.across(*cores);
    compare("mutex contended", gated, {primitive::mutex, 2, 4});
    compare("semaphore contended", gated, {primitive::semaphore, 2, 4});
    compare("event contended", gated, {primitive::event, 2, 2});
}
