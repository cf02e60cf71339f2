// bench/runtime/runtime.cpp: a scheduler between its tasks: waking, stealing, and threads for what blocks.

#include "contenders/asio.hpp"
#include "contenders/go.hpp"
#include "contenders/tokio.hpp"
#include "contenders/weir.hpp"

#include <harness/measure.hpp>

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <memory>

namespace {

using namespace bench;

// A body that has a runtime do something as often as it is told.
template <class Runtime, class Done>
auto doing(Done (Runtime::*what)(std::uint64_t)) {
    return [runtime = std::make_shared<Runtime>(), what](std::uint64_t times) {
        auto const done = (runtime.get()->*what)(times);
        if constexpr (std::same_as<Done, timed>) {
            must_equal(done.sum, times, Runtime::name);
            return done.took;
        } else {
            must_equal(done, times, Runtime::name);
        }
    };
}

} // namespace

int main(int argc, char** argv) {
    auto const cores = two_cores();
    if (!cores) {
        std::fprintf(stderr, "%s: all of this takes two threads, and there is one core only\n", argv[0]);
        return 0;
    }
    auto const chosen = settings_of(argc, argv).across(*cores);
    measure<weir_runtime, asio_runtime, tokio_runtime, go_runtime>(
        "wake", chosen, []<class Runtime> { return doing(&Runtime::wake); });
    measure<weir_runtime, tokio_runtime, go_runtime>("pass", chosen,
                                                     []<class Runtime> { return doing(&Runtime::pass); });
    measure<weir_runtime, asio_runtime, tokio_runtime, go_runtime>(
        "pass apart", chosen, []<class Runtime> { return doing(&Runtime::pass_apart); });
    measure<weir_runtime, tokio_runtime, go_runtime>("steal", chosen,
                                                     []<class Runtime> { return doing(&Runtime::steal); });
    measure<weir_runtime, asio_runtime, tokio_runtime>(
        "blocking 1", chosen, []<class Runtime> { return doing(&Runtime::template blocking<1>); });
    measure<weir_runtime, asio_runtime, tokio_runtime>(
        "blocking 64", chosen, []<class Runtime> { return doing(&Runtime::template blocking<64>); });
}
