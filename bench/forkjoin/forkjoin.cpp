// bench/forkjoin/forkjoin.cpp: problems that divide themselves into tasks, on one worker and on two.

#include "contenders/go.hpp"
#include "contenders/problem.hpp"
#include "contenders/sequential.hpp"
#include "contenders/tbb.hpp"
#include "contenders/tokio.hpp"
#include "contenders/weir.hpp"

#include <harness/measure.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>

// The middle loop's factor stays while the inner one runs along a row of b and c, so that a compiler makes vectors of it.
extern "C" [[gnu::noinline]] void multiply_block(bench::product const* block) noexcept {
    auto const [a, b, c, side] = *block;
    for (std::size_t i = 0; i < bench::block_side; ++i)
        for (std::size_t k = 0; k < bench::block_side; ++k) {
            std::uint32_t const factor = a[i * bench::matrix_side + k];
            for (std::size_t j = 0; j < bench::block_side; ++j)
                c[i * bench::matrix_side + j] += factor * b[k * bench::matrix_side + j];
        }
}

namespace {

using namespace bench;

void compare(settings const& chosen, problem what) {
    std::uint64_t const answer = sequential{what}.solve();
    auto const body = [what, answer]<class Contender> {
        return [answer, solver = std::make_shared<Contender>(what)](std::uint64_t times) {
            if constexpr (requires { solver->solve(times); }) {
                auto const done = solver->solve(times);
                must_equal(done.sum, answer * times, Contender::name);
                return done.took;
            } else {
                for (; times != 0; --times) must_equal(solver->solve(), answer, Contender::name);
            }
        };
    };
    auto const each = chosen.per(parts_of(what));
    if (auto const cores = two_cores()) {
        measure<sequential, weir_forks<1>, weir_forks<2>, tbb_forks<1>, tbb_forks<2>, tokio_forks<1>, tokio_forks<2>,
                go_forks<1>, go_forks<2>>(name_of(what), each.across(*cores), body);
    } else {
        measure<sequential, weir_forks<1>, tbb_forks<1>, tokio_forks<1>, go_forks<1>>(name_of(what), each, body);
    }
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    if (!two_cores()) std::fprintf(stderr, "%s: two workers are left out: there is one core only\n", argv[0]);
    for (auto const what : {problem::fib, problem::skynet, problem::queens, problem::matmul}) compare(chosen, what);
}
