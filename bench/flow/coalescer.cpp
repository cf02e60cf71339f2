// bench/flow/coalescer.cpp: hits, leads and joins of a coalescer, a crowd on one key, and a cache under Zipf's law.

#include "coalescer/by_hand.hpp"
#include "coalescer/go.hpp"
#include "coalescer/moka.hpp"
#include "coalescer/shape.hpp"
#include "coalescer/weir.hpp"

#include <harness/measure.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>

namespace {

using namespace bench;

template <class... Contenders>
void compare(settings const& chosen, shape how) {
    measure<Contenders...>(how.title, chosen, [how]<class Contender> {
        return [runs = std::make_shared<Contender>(how)](std::uint64_t times) { return runs->run(times); };
    });
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    compare<weir_coalescer, weir_unbounded, moka_tasks, moka_threads, std_by_hand, abseil_by_hand, go_map, go_ristretto>(
        chosen, {asked::same, 1, 10'000, "hit"});
    compare<weir_coalescer, moka_tasks, moka_threads, std_by_hand, abseil_by_hand, go_map>(
        chosen, {asked::fresh, 1, 10'000, "lead"});
    for (auto const& [many, title] : {std::pair{100, "join"}, std::pair{100'000, "crowd"}})
        compare<weir_coalescer, moka_tasks, go_map>(chosen.per(static_cast<std::uint64_t>(many)),
                                                    {asked::crowd, 1, static_cast<std::uint64_t>(many), title});

    auto const cores = two_cores();
    if (!cores) {
        std::fprintf(stderr, "%s: what takes two workers is left out: there is one core only\n", argv[0]);
        return 0;
    }
    auto const gated = chosen.across(*cores).per(2).longer(4); // runtimes wake up in the first of a sample's operations
    for (auto const& [room, title] : {std::pair{10'000, "zipf, 10^4 kept"}, std::pair{100'000, "zipf, 10^5 kept"}})
        compare<weir_coalescer, moka_tasks, moka_threads, std_by_hand, abseil_by_hand, go_ristretto>(
            gated, {asked::zipf, 2, static_cast<std::uint64_t>(room), title});
}
