// examples/gateway/search/scan.cpp: blocks, products, heaps.
#include "scan.hpp"

#include <weir/coro/fork_join.hpp>
#include <weir/coro/yield.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace gateway {
namespace {

// The score: its additions go from left to right, and are in double precision, in which products of floats are exact.
double product(float const* a, float const* b, std::size_t size) noexcept {
    double sum = 0;
    for (std::size_t n = 0; n < size; ++n) sum += static_cast<double>(a[n]) * static_cast<double>(b[n]);
    return sum;
}

} // namespace

void normalise(std::span<float> vector) noexcept {
    double square = 0;
    for (float const x : vector) square += static_cast<double>(x) * static_cast<double>(x);
    double const length = std::sqrt(square);
    for (float& x : vector) x = static_cast<float>(static_cast<double>(x) / length);
}

scan::scan(view const& of, std::span<query const> queries, std::size_t dimensions)
    : view_{of}, queries_{queries}, stride_{padded(dimensions)},
      // See kernel.hpp; the eight and the hundredth are for lengths that are nearly one, and for the rounding here.
      error_{static_cast<double>(stride_ + 8) * 0x1p-24 * 1.01}, directions_(queries.size() * stride_) {
    for (std::size_t q = 0; q < queries.size(); ++q) {
        std::span const direction{directions_.data() + q * stride_, dimensions};
        std::copy(queries[q].vector.begin(), queries[q].vector.end(), direction.begin());
        normalise(direction);
    }
}

weir::task<> scan::run(std::size_t workers) {
    found_.resize(std::clamp<std::size_t>(workers, 1, std::max<std::size_t>(view_.blocks.size(), 1)));
    std::vector<weir::task<>> all;
    for (auto& each : found_) {
        each.resize(queries_.size());
        all.push_back(take_blocks(each));
    }
    co_await weir::fork_join(std::move(all));
}

weir::task<> scan::take_blocks(findings& mine) {
    std::vector<float> products(view_.rows_in_block * queries_.size());
    for (;;) {
        auto const number = next_.fetch_add(1, weir::relaxed); // only a number: blocks are there before the workers are
        if (number >= view_.blocks.size()) co_return;
        look_at(number, products, mine);
        co_await weir::yield(); // a checkpoint would let 256 blocks pass
    }
}

void scan::look_at(std::size_t number, std::vector<float>& products, findings& mine) const {
    block const& in = *view_.blocks[number];
    auto const first = number * view_.rows_in_block;
    auto const rows = std::min(view_.rows - first, view_.rows_in_block);
    multiply_rows(in.vectors(), rows, directions_.data(), queries_.size(), stride_, products.data());
    for (std::size_t q = 0; q < queries_.size(); ++q) {
        auto const& asked = queries_[q];
        auto& best = mine[q];
        for (std::size_t row = 0; row < rows; ++row) {
            auto const least = best.size() == asked.most ? best.front().score : asked.least;
            if (static_cast<double>(products[q * rows + row]) < least - error_ || !fits(asked, in, row)) continue;
            consider(asked, directions_.data() + q * stride_, {0, &in, row}, best);
        }
    }
}

void scan::consider(query const& asked, float const* direction, candidate one, std::vector<candidate>& best) const {
    one.score = product(one.in->vector(one.row).data(), direction, stride_);
    if (one.score < asked.least) return;
    if (best.size() == asked.most) {
        if (!(one < best.front())) return;
        std::pop_heap(best.begin(), best.end());
        best.pop_back();
    }
    best.push_back(one);
    std::push_heap(best.begin(), best.end());
}

bool scan::fits(query const& asked, block const& in, std::size_t row) const noexcept {
    if (!view_.has(in, row)) return false;
    if (asked.facts.empty()) return true;
    auto const* const about = in.about(row).get();
    return about && std::all_of(asked.facts.begin(), asked.facts.end(), [&](auto const& one) { return about->has(one); });
}

hits scan::found(std::size_t query) {
    std::vector<candidate> all;
    for (auto const& each : found_) all.insert(all.end(), each[query].begin(), each[query].end());
    auto const& asked = queries_[query];
    auto const last = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), asked.most));
    std::partial_sort(all.begin(), last, all.end());
    hits best;
    best.reserve(static_cast<std::size_t>(last - all.begin()));
    for (auto one = all.begin(); one != last; ++one)
        best.push_back({one->in->id(one->row), one->score, asked.with_payload ? one->in->about(one->row) : nullptr});
    return best;
}

} // namespace gateway
