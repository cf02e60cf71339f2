// bench/flow/coalescer/go.hpp: Go's singleflight over a map with a mutex, and over ristretto, in a process of their own.
#pragma once

#include "shape.hpp"

#include <harness/child.hpp>
#include <harness/measure.hpp>

#include <cstdint>
#include <string>

namespace bench {

#ifdef WEIR_BENCH_COALESCER_GO
class go_coalescer {
public:
    go_coalescer(shape how, char const* name, char const* cache)
        : how_{how}, name_{name}, hits_{name, how},
          go_{WEIR_BENCH_COALESCER_GO,
              {std::to_string(how.workers), cache, name_of(how.what), std::to_string(how.number)}} {
        if (how.what == asked::zipf) walk(first_walk);
    }
    double run(std::uint64_t times) {
        std::uint64_t const loaded = go_.run(0).sum;
        std::uint64_t const from = at_;
        auto const done = walk(times);
        must_equal(done.sum, how_.sum(from, times), name_);
        hits_.count(how_.workers * times, go_.run(0).sum - loaded);
        return done.took;
    }

private:
    child::answer walk(std::uint64_t times) {
        at_ += times;
        return go_.run(times);
    }
    shape const how_;
    char const* const name_;
    hit_ratio hits_;
    child go_;
    std::uint64_t at_ = 0; // in the traces, as over there
};
#else
class go_coalescer {
public:
    static constexpr auto absent = "no Go, or it could not fetch the modules";
    go_coalescer(shape, char const*, char const*) {}
    double run(std::uint64_t) { return 0; }
};
#endif

class go_map : public go_coalescer {
public:
    static constexpr auto name = "Go, singleflight + map";
    explicit go_map(shape how) : go_coalescer{how, name, "map"} {}
};

class go_ristretto : public go_coalescer {
public:
    static constexpr auto name = "Go, singleflight + ristretto";
    explicit go_ristretto(shape how) : go_coalescer{how, name, "ristretto"} {}
};

} // namespace bench
