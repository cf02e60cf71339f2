// examples/gateway/search/collection.cpp: writing, packing, and searching in batches.
#include "collection.hpp"

#include "scan.hpp"

#include <weir/base/assert.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/yield.hpp>
#include <weir/cpu/usable_cpus.hpp>

#include <new>
#include <utility>

namespace gateway {
namespace {

constexpr std::size_t rows_a_turn = 64; // that are written in one resume

search_options with_workers(search_options options) {
    if (options.workers == 0) options.workers = weir::usable_cpus();
    return options;
}

weir::batcher_options batch_options(search_options const& options, weir::executor_ref where) {
    weir::batcher_options batches;
    batches.max_items = options.most_queries;
    batches.overflow = weir::overflow::refuse;
    batches.max_pending = options.most_waiting;
    batches.executor = where;
    return batches;
}

} // namespace

collection::collection(std::size_t dimensions, search_options const& options, space& room, weir::executor_ref where,
                       weir::histogram& batch_sizes)
    : dimensions_{dimensions}, options_{with_workers(options)}, room_{room}, batch_sizes_{batch_sizes},
      searches_{[this](std::span<query> asked, weir::replies<hits>& into) { return answer(asked, into); },
                batch_options(options, where)} {
    auto empty = std::make_shared<view>();
    empty->rows_in_block = block::rows_for(dimensions);
    latest_ = std::move(empty);
}

weir::task<written> collection::upsert(std::vector<point> points) {
    auto const alone = co_await writing_.lock();
    if (!alone || closed_) co_return written::closed;
    auto next = std::make_shared<view>(*latest());
    ++next->version;
    std::vector<std::size_t> replaced; // the row of each point until now
    std::size_t added = 0;
    for (auto const& each : points) {
        replaced.push_back(index_.find(each.id));
        added += replaced.back() == row_index::none;
    }
    if (index_.size() + added > options_.most_points) co_return written::too_many_points;
    auto const first = next->rows;
    next->rows += points.size();
    if (!reach(*next, next->rows)) co_return written::no_space;
    auto const fitted = co_await write_rows(*next, first, points);
    if (!fitted) co_return written::no_space;
    enter(*next, first, replaced); // the last that may fail, which keeps P5
    points_.store(index_.size(), weir::relaxed); // a figure
    publish(std::move(next)); // keeps P1, P2
    co_await pack_if_due();
    co_return written::done;
}

bool collection::reach(view& one, std::size_t rows) {
    while (one.blocks.size() * one.rows_in_block < rows) {
        auto made = block::make(dimensions_, room_);
        if (!made) return false;
        one.blocks.push_back(std::move(made));
    }
    return true;
}

weir::task<bool> collection::write_rows(view& next, std::size_t first, std::vector<point>& points) {
    for (std::size_t n = 0; n < points.size(); ++n) {
        auto& one = points[n];
        WEIR_ASSERT(one.vector.size() == dimensions_, "a point of other dimensions than its collection");
        normalise(one.vector);
        auto const row = first + n;
        if (!next.block_of(row).write(row % next.rows_in_block, std::move(one.id), one.vector, std::move(one.about)))
            co_return false;
        if (n % rows_a_turn == rows_a_turn - 1) co_await weir::yield();
    }
    co_return true;
}

// Ends the rows that are replaced, and points the index to the new ones.
void collection::enter(view const& next, std::size_t first, std::vector<std::size_t> const& replaced) {
    auto const id_of = [&](std::size_t n) -> std::string const& {
        return next.block_of(first + n).id((first + n) % next.rows_in_block);
    };
    std::size_t n = 0;
    try {
        for (; n < replaced.size(); ++n)
            if (replaced[n] == row_index::none) index_.set(id_of(n), first + n);
    } catch (...) {
        while (n-- > 0)
            if (replaced[n] == row_index::none) index_.erase(id_of(n));
        throw;
    }
    for (n = 0; n < replaced.size(); ++n) {
        if (replaced[n] == row_index::none) continue;
        next.block_of(replaced[n]).end(replaced[n] % next.rows_in_block, next.version); // keeps P3
        index_.set(id_of(n), first + n);
    }
}

weir::task<weir::result<std::size_t>> collection::remove(std::vector<std::string> ids) {
    auto const alone = co_await writing_.lock();
    if (!alone || closed_) co_return weir::errc::closed;
    auto next = std::make_shared<view>(*latest());
    ++next->version;
    std::size_t removed = 0;
    for (auto const& id : ids) {
        auto const row = index_.find(id);
        if (row == row_index::none) continue;
        next->block_of(row).end(row % next->rows_in_block, next->version); // keeps P3
        index_.erase(id);
        ++removed;
    }
    points_.store(index_.size(), weir::relaxed); // a figure
    publish(std::move(next));
    co_await pack_if_due();
    co_return removed;
}

weir::task<> collection::pack_if_due() {
    auto const now = latest();
    if (now->rows <= 2 * index_.size() + now->rows_in_block) co_return;
    try {
        co_await pack();
    } catch (std::bad_alloc const&) {} // what was written is written
}

weir::task<> collection::pack() {
    auto const now = latest();
    auto next = std::make_shared<view>();
    next->version = now->version + 1;
    next->rows_in_block = now->rows_in_block;
    if (!reach(*next, index_.size())) co_return;
    auto& to = next->rows;
    for (std::size_t from = 0; from < now->rows; ++from) {
        if (from % rows_a_turn == 0) co_await weir::yield();
        auto const& in = now->block_of(from);
        auto const row = from % now->rows_in_block;
        if (!now->has(in, row)) continue;
        if (!next->block_of(to).write(to % next->rows_in_block, in.id(row), in.vector(row), in.about(row))) co_return;
        ++to;
    }
    for (std::size_t row = 0; row < to; ++row) {
        index_.set(next->block_of(row).id(row % next->rows_in_block), row); // they are there: nothing fails from here on
        if (row % rows_a_turn == 0) co_await weir::yield();
    }
    auto gone = publish(std::move(next));
    co_await let_go(std::move(gone));
}

weir::task<> collection::let_go(view_ref gone) {
    auto blocks = gone->blocks;
    gone.reset();
    while (!blocks.empty()) {
        blocks.pop_back();
        co_await weir::yield();
    }
}

weir::task<weir::result<hits>> collection::search(query asked) {
    WEIR_ASSERT(asked.vector.size() == dimensions_, "a query of other dimensions than its collection");
    co_return co_await searches_.submit(std::move(asked));
}

weir::task<> collection::answer(std::span<query> asked, weir::replies<hits>& into) {
    batch_sizes_.record(asked.size());
    auto at = latest();
    {
        scan all{*at, asked, dimensions_};
        co_await all.run(options_.workers);
        for (std::size_t n = 0; n < asked.size(); ++n) {
            into.set(n, all.found(n));
            co_await weir::yield();
        }
    }
    auto const now = latest();
    bool const packed = !at->blocks.empty() && (now->blocks.empty() || now->blocks.front() != at->blocks.front());
    if (packed) co_await let_go(std::move(at));
}

weir::task<> collection::close() {
    weir::context const& above = co_await weir::this_task();
    weir::context const patient = above.with_stop({}); // what is under way uses the collection
    co_await weir::use_context(patient);
    auto const alone = co_await writing_.lock();
    if (std::exchange(closed_, true)) co_return;
    co_await searches_.close();
    for (std::size_t part = 0; part < row_index::parts; ++part) {
        index_.clear(part);
        co_await weir::yield();
    }
    points_.store(0, weir::relaxed); // a figure
    auto empty = std::make_shared<view>();
    empty->rows_in_block = latest()->rows_in_block;
    auto gone = publish(std::move(empty));
    co_await let_go(std::move(gone));
}

std::size_t collection::bytes() const {
    std::size_t sum = 0;
    for (auto const& each : latest()->blocks) sum += each->bytes();
    return sum;
}

} // namespace gateway
