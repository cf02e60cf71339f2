// examples/gateway/search/collection.hpp: points with vectors of one length, which are written and searched at any time.
// A search never waits for a writer, nor a writer for a search: who searches keeps a view, and goes on with it whatever
// is written meanwhile. Searches that come while one is under way go next, together: a pass over memory serves them all.
//
// The protocol. One writer at a time (writing_) makes views; readers take the latest.
// P1: rows below view::rows are written before the view is published, and never again: they have no atomics but ended.
// P2: what a call writes has one version, and all of it is published in one view: a search sees all of it or nothing.
// P3: a row that view v no longer has is ended with v before v is published; a reader with a view before v reads alive
//     or v, and has the row either way. So a point that is replaced is in every view exactly once.
// P4: nothing moves under a reader: blocks are shared by the views that have them. When more than half of the rows have
//     ended, the writer copies the others to new blocks.
// P5: a write that fails leaves no trace: all that may fail comes before the first end.
// Cost:     of memory: at most twice what the points need, and three times while rows are copied.
// Not:      kept on a disk; nor an index: a search looks at every row.
#pragma once

#include "point.hpp"
#include "row_index.hpp"
#include "view.hpp"

#include <weir/base/atomic.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/metrics/histogram.hpp>
#include <weir/sync/mutex.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gateway {

class search_options {
public:
    search_options() {}
    std::size_t most_collections = 256;
    std::size_t most_points = 1'000'000;             // of one collection
    std::size_t most_bytes = std::size_t{1} << 30;   // of all
    std::size_t most_queries = 16;                   // that one pass over a collection serves
    std::size_t most_waiting = 1024;                 // searches of a collection; more are refused
    std::size_t workers = 0;                         // that one pass keeps busy; 0: as many as there are CPUs
};

// What became of a write; all but `done` have changed nothing.
enum class written : unsigned char { done, too_many_points, no_space, closed };

// Threads: any, for every function.
class collection : weir::immovable {
public:
    collection(std::size_t dimensions, search_options const& options, space& room, weir::executor_ref where,
               weir::histogram& batch_sizes);

    // Puts the points in, each in the place of one that has its id.
    // Needs: vectors of our dimensions, finite, not all zeros; no id twice.  Cancel: before it begins, then `closed`.
    weir::task<written> upsert(std::vector<point> points);
    // Takes the points out.  Returns: how many there were; nothing when closed.
    weir::task<weir::result<std::size_t>> remove(std::vector<std::string> ids);
    // Needs: a vector as for upsert.  Errors: errc::closed, errc::overloaded.
    weir::task<weir::result<hits>> search(query asked);
    // Refuses what comes, waits for what is under way, and gives the memory back. To be awaited before the end.
    weir::task<> close();

    std::size_t dimensions() const noexcept { return dimensions_; }
    std::size_t points() const noexcept { return points_.load(weir::relaxed); } // a figure
    std::size_t bytes() const;

private:
    using view_ref = std::shared_ptr<view const>;

    weir::task<> answer(std::span<query> asked, weir::replies<hits>& into);
    // Blocks for so many rows; false if there is no space.
    bool reach(view& one, std::size_t rows);
    weir::task<bool> write_rows(view& next, std::size_t first, std::vector<point>& points);
    void enter(view const& next, std::size_t first, std::vector<std::size_t> const& replaced);
    // P4. Where there is no space or memory for it, the next write tries again.
    weir::task<> pack_if_due();
    weir::task<> pack();
    view_ref latest() const {
        weir::spin_guard const locked{lock_};
        return latest_;
    }
    // Returns: what it was before.
    view_ref publish(view_ref next) noexcept {
        weir::spin_guard const locked{lock_};
        latest_.swap(next);
        return next;
    }
    // Lets go of a view, whose blocks may go with it: one at a time.
    static weir::task<> let_go(view_ref gone);

    std::size_t const dimensions_;
    search_options const options_;
    space& room_;
    weir::histogram& batch_sizes_;

    weir::mutex writing_;
    row_index index_;     // guarded by writing_: the row of each id that the latest view has
    bool closed_ = false; // guarded by writing_
    weir::atomic<std::size_t> points_{0}; // index_.size(), for others

    weir::spin_lock mutable lock_;
    view_ref latest_; // guarded by lock_; never null

    weir::batcher<query, hits> searches_;
};

} // namespace gateway
