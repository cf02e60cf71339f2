// bench/tasks/contenders/go.hpp: goroutines, in a process of their own.
#pragma once

#include "shape.hpp"

#include <harness/child.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bench {

template <unsigned Workers>
class go_tasks {
public:
    static constexpr auto name = "Go";
#ifdef WEIR_BENCH_GO
    child::answer yield(std::uint64_t times) { return run("yield", times); }
    child::answer when_all(std::uint64_t times) { return run("when_all", times); }
    child::answer join(std::uint64_t times) { return run("join", times); }

private:
    // The first call decides what the process does: each contender is asked for one thing only.
    child::answer run(char const* what, std::uint64_t times) {
        if (!go_) go_ = std::make_unique<child>(WEIR_BENCH_GO, arguments(what));
        return go_->run(times);
    }
    static std::vector<std::string> arguments(char const* what) {
        return {std::to_string(Workers), std::to_string(at_once), what};
    }

    std::unique_ptr<child> go_;
#else
    static constexpr auto absent = "no Go";
#endif
};

} // namespace bench
