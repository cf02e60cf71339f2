// bench/flow/coalescer/shape.hpp: what a contender is asked: which keys, by how many workers, with room for how many.
// A contender is made of a shape, and `run(times)` gives the nanoseconds that `times` operations took.
#pragma once

#include "../flow.hpp"

#include <cstdint>
#include <cstdio>

namespace bench {

enum class asked : unsigned char {
    same,  // one task asks for a key that is kept
    fresh, // one task asks for a key that nobody has asked for, and that is not kept
    crowd, // so many tasks ask for one key whose load ends when all have asked; that is one operation
    zipf,  // a task on each worker asks for keys by Zipf's law, of which so many are kept; an operation is one for each
};

constexpr char const* name_of(asked what) {
    switch (what) {
        case asked::same: return "same";
        case asked::fresh: return "fresh";
        case asked::crowd: return "crowd";
        case asked::zipf: return "zipf";
    }
    return "";
}

struct shape {
    asked what;
    unsigned workers;
    std::uint64_t number; // in the crowd, or kept
    char const* title;

    // What is got in all, from the operation `from` on: a key's value is the next number, in a crowd and of what is fresh
    // it is 1.
    std::uint64_t sum(std::uint64_t from, std::uint64_t times) const {
        if (what == asked::same) return 2 * times;
        if (what == asked::fresh) return times;
        if (what == asked::crowd) return number * times;
        std::uint64_t all = workers * times;
        for (unsigned n = 0; n < workers; ++n) all += trace_of(n).sum(from, times);
        return all;
    }
};

// How often what was asked for was there, once the cache has filled; told as a remark at the end.
class hit_ratio {
public:
    hit_ratio(char const* who, shape how) noexcept : who_{who}, how_{how} {}
    hit_ratio(hit_ratio const&) = delete;
    hit_ratio& operator=(hit_ratio const&) = delete;
    ~hit_ratio() {
        if (how_.what == asked::zipf && asks_ > 0)
            std::printf("%s: %s hits %.2f %%\n", how_.title, who_,
                        100 - 100 * static_cast<double>(loads_) / static_cast<double>(asks_));
    }
    void count(std::uint64_t asks, std::uint64_t loads) noexcept {
        asks_ += asks;
        loads_ += loads;
    }

private:
    char const* const who_;
    shape const how_;
    std::uint64_t asks_ = 0;
    std::uint64_t loads_ = 0;
};

// How many operations fill a cache before it is measured.
constexpr std::uint64_t first_walk = zipf_trace::length / 2;

} // namespace bench
