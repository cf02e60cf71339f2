// examples/gateway/search/scan.hpp: the best rows of one view for a few queries at once, by a look at every row.
// Workers take blocks in turn until none is left. A block's products come from a kernel in single precision, and only
// those that may be among the best, by the bound of its error, are computed again in double precision. So the result is
// exactly that of a loop over all rows that adds up in double precision from the first dimension to the last.
// Order:    by score, and among equal scores by id.
#pragma once

#include "point.hpp"
#include "view.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/task.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace gateway {

// Scales to length one.  Needs: finite numbers, not all of which are zero.
void normalise(std::span<float> vector) noexcept;

class scan : weir::immovable {
public:
    // Needs: both outlive this; the queries have the dimensions of the view's rows.
    scan(view const& of, std::span<query const> queries, std::size_t dimensions);

    // Looks at all rows, on up to `workers` workers.  Cost: a resume reads one block, which is 256 KiB.
    weir::task<> run(std::size_t workers);
    // Needs: run() has ended.
    hits found(std::size_t query);

private:
    struct candidate {
        double score;
        block const* in;
        std::size_t row;

        // Whether this comes before the other.
        bool operator<(candidate const& other) const noexcept {
            return score != other.score ? score > other.score : in->id(row) < other.in->id(other.row);
        }
    };
    // What one worker has found for each query: a heap, the last of the best on top.
    using findings = std::vector<std::vector<candidate>>;

    weir::task<> take_blocks(findings& mine);
    void look_at(std::size_t number, std::vector<float>& products, findings& mine) const;
    void consider(query const& asked, float const* direction, candidate one, std::vector<candidate>& best) const;
    bool fits(query const& asked, block const& in, std::size_t row) const noexcept;

    view const& view_;
    std::span<query const> const queries_;
    std::size_t const stride_;
    double const error_; // of a product of the kernel, at most
    std::vector<float> directions_; // of the queries, one behind the other
    std::vector<findings> found_;   // of each worker
    weir::atomic<std::size_t> next_{0};
};

} // namespace gateway
