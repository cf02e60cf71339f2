// bench/harness/measure.hpp: a suite out of contender types.
// A contender type has a `name`. Where this machine lacks what it needs, it has the reason instead, as `absent`: either
// a constant, or a function that is asked at run time and returns an empty word when nothing is missing.
#pragma once

#include "bench.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>

namespace bench {

// Measures `make<Contender>()` for each of the contenders.
template <class... Contenders>
void measure(char const* workload, settings const& chosen, auto make) {
    suite all{workload, chosen};
    auto const add = [&]<class Contender>(std::type_identity<Contender>) {
        if constexpr (requires { Contender::absent(); }) {
            std::string const why = Contender::absent();
            if (!why.empty()) return all.leave_out(Contender::name, why);
            all.add(Contender::name, make.template operator()<Contender>());
        } else if constexpr (requires { Contender::absent; }) {
            all.leave_out(Contender::name, Contender::absent);
        } else {
            all.add(Contender::name, make.template operator()<Contender>());
        }
    };
    (add(std::type_identity<Contenders>{}), ...);
    all.run();
}

// Ends the program where a contender has not done what it is timed for: who loses items has no speed.
inline void must_equal(std::uint64_t found, std::uint64_t expected, char const* name) {
    if (found == expected) return;
    std::fprintf(stderr, "%s has done %llu instead of %llu\n", name, static_cast<unsigned long long>(found),
                 static_cast<unsigned long long>(expected));
    std::abort();
}

} // namespace bench
