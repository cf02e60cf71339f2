// weir/flow/batch_recorder.hpp: where a batcher records how large its batches are, how long requests wait, and how long
// the handler takes.
#pragma once

#include <weir/coro/context.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace weir::inline v0 {

class histogram;

class batch_recorder {
public:
    batch_recorder() noexcept {}

    // How many requests each batch has. All that is recorded into must outlive the batcher.
    template <std::same_as<histogram> Into> // templates, so that who does not ask for them pays for no histogram
    void record_sizes(Into& into) noexcept {
        sizes_ = keep(into);
    }
    // From the arrival of each request to its dispatch.
    template <std::same_as<histogram> Into>
    void record_waits(Into& into) noexcept {
        waits_ = keep(into);
    }
    // From the dispatch of each batch to the end of its handler, with all calls that it took.
    template <std::same_as<histogram> Into>
    void record_handler_times(Into& into) noexcept {
        handler_times_ = keep(into);
    }

    // Null where nobody wants to know.
    histogram* sizes() const noexcept { return sizes_; }
    histogram* waits() const noexcept { return waits_; }
    histogram* handler_times() const noexcept { return handler_times_; }

    void size(std::size_t items) const noexcept { note(sizes_, items); }
    void wait(duration took) const noexcept { note(waits_, nanoseconds(took)); }
    void handler_time(duration took) const noexcept { note(handler_times_, nanoseconds(took)); }
    bool timed() const noexcept { return waits_ || handler_times_; }

private:
    template <class Into>
    histogram* keep(Into& into) noexcept {
        record_ = [](histogram& to, std::uint64_t number) noexcept { static_cast<Into&>(to).record(number); };
        return &into;
    }
    static std::uint64_t nanoseconds(duration took) noexcept {
        return took > duration::zero() ? static_cast<std::uint64_t>(took.count()) : 0;
    }
    void note(histogram* into, std::uint64_t number) const noexcept {
        if (into) record_(*into, number);
    }

    histogram* sizes_ = nullptr;
    histogram* waits_ = nullptr;
    histogram* handler_times_ = nullptr;
    void (*record_)(histogram&, std::uint64_t) noexcept = nullptr;
};

} // namespace weir
