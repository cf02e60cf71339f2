// bench/forkjoin/contenders/go.hpp: goroutines that are waited for, in a process of their own.
#pragma once

#include "problem.hpp"

#include <harness/child.hpp>

#include <cstdint>
#include <string>

namespace bench {

template <unsigned Workers>
class go_forks {
public:
    static constexpr auto name = Workers == 1 ? "Go, 1 worker" : "Go, 2 workers";
#ifdef WEIR_BENCH_GO
    explicit go_forks(problem what) : go_{WEIR_BENCH_GO, {std::to_string(Workers), name_of(what)}} {}

    // Solves it `times` times; the sum is that of the answers.
    child::answer solve(std::uint64_t times) { return go_.run(times); }

private:
    child go_;
#else
    static constexpr auto absent = "no Go";
#endif
};

} // namespace bench
