// bench/flow/batcher/batcher.cpp: the way to a batch and back, with natural batching, and rows of a database by it.

#include "go.hpp"
#include "postgres_rows.hpp"
#include "rows.hpp"
#include "shape.hpp"
#include "tokio.hpp"
#include "weir.hpp"

#include <harness/measure.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>

namespace {

using namespace bench;

void compare(char const* workload, settings const& chosen, shape how) {
    measure<weir_batcher, go_batcher, tokio_batcher>(workload, chosen, [how]<class Contender> {
        return [runs = std::make_shared<Contender>(how)](std::uint64_t times) { return runs->run(times); };
    });
}

// A time is that of a row, a round is one row for each of 64 tasks.
template <class... Contenders, class... Where>
void compare_rows(char const* workload, settings const& chosen, Where... where) {
    constexpr std::uint64_t tasks = 64;
    measure<Contenders...>(workload, chosen.per(tasks), [where...]<class Contender> {
        return [runs = std::make_shared<Contender>(where...)](std::uint64_t times) { return runs->run(tasks * times); };
    });
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    compare("one asks", chosen, {1, 1});
    compare("64 ask", chosen, {1, 64});
    auto const cores = two_cores();
    if (cores) compare("64 ask on two workers", chosen.across(*cores), {2, 64});
    else std::fprintf(stderr, "%s: what takes two workers is left out: there is one core only\n", argv[0]);
    compare_rows<inserts_one_by_one, inserts_by_batcher>("rows in memory", chosen, medium::memory);
    compare_rows<inserts_one_by_one, inserts_by_batcher>("rows in a file", chosen, medium::file);
    compare_rows<postgres_in_turn, postgres_pipelined, postgres_by_batcher>("rows in PostgreSQL", chosen);
    compare_rows<selects_one_by_one, selects_by_loader>("look-ups", chosen, medium::memory);
}
