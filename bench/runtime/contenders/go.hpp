// bench/runtime/contenders/go.hpp: goroutines, in a process of their own.
#pragma once

#include "shape.hpp"

#include <memory>
#include <string>
#include <vector>

namespace bench {

class go_runtime {
public:
    static constexpr auto name = "Go";
#ifdef WEIR_BENCH_GO
    timed wake(std::uint64_t times) { return run("1", "wake", times); }
    timed pass(std::uint64_t times) { return run("2", "pass", times); }
    timed pass_apart(std::uint64_t times) { return run("2", "pass_apart", times); }
    timed steal(std::uint64_t times) { return run("2", "steal", times); }

private:
    // The first call decides what the process does: each contender is asked for one thing only.
    timed run(char const* workers, char const* what, std::uint64_t times) {
        if (!go_) go_ = std::make_unique<child>(WEIR_BENCH_GO, std::vector<std::string>{workers, what});
        return go_->run(times);
    }

    std::unique_ptr<child> go_;
#else
    static constexpr auto absent = "no Go";
#endif
};

} // namespace bench
