// weir/metrics/registry.hpp: the metrics of a server by name and labels, and their answer to a Prometheus scrape.
// Progress: blocking; a mutex orders registering, leaving and writing. Counting itself never meets it.
// Not:      a global. A server makes one and hands it to its parts.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/histogram.hpp>
#include <weir/metrics/metric_book.hpp>
#include <weir/metrics/metric_source.hpp>
#include <weir/metrics/metrics_errc.hpp>

#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

// Keeps metrics in a registry, and takes them out at its end; after that the registry never looks at them again.
// A part of a server declares it behind its metrics, so that it ends before they do. It may outlive the registry.
class [[nodiscard]] registration {
public:
    registration() = default;
    registration(registration&& other) noexcept = default;
    registration& operator=(registration&& other) noexcept;
    ~registration() { reset(); }

    // Takes over what `other` keeps, so that a part with many metrics needs one member.
    registration& operator+=(registration&& other);
    std::size_t size() const noexcept { return places_.size(); }
    // Leaves now; waits for a scrape that is being written.
    void reset() noexcept;

private:
    friend class registry;
    std::vector<std::pair<std::shared_ptr<metric_book>, metric_book::place>> places_;
};

class registry : immovable {
public:
    // Each of these refers to a metric that must outlive the registration.  Errors: metrics_errc.
    result<registration> add(metric const& described, counter const& from);
    result<registration> add(metric const& described, gauge const& from);
    result<registration> add(metric const& described, histogram const& from, summary_options options = {});
    result<registration> add(metric const& described, histogram const& from, bucket_options options);
    // A number that `read` returns when a scrape is written.
    // Needs: `read` may be called from any thread, one at a time, and does not use this registry.
    template <class Read>
        requires std::is_arithmetic_v<std::invoke_result_t<Read const&>>
    result<registration> add_gauge(metric const& described, Read read);
    template <class Read>
        requires std::is_arithmetic_v<std::invoke_result_t<Read const&>>
    result<registration> add_counter(metric const& described, Read read);

    // The registry's own metric of that name and those labels: made when first asked for, and there until the end.
    // For labels that are only met at run time, such as a status code. Keep the pointer: asking costs a lock and a search.
    result<counter*> counter_of(metric const& described);
    result<gauge*> gauge_of(metric const& described);
    result<histogram*> histogram_of(metric const& described, summary_options options = {});
    result<histogram*> histogram_of(metric const& described, bucket_options options);

    // Appends all families by name, in Prometheus' text format 0.0.4 (prometheus::content_type).
    // What a callback throws is passed on, and `out` is then as it was.
    void write(std::string& out) const;

private:
    using kind = metric_kind;
    using source = std::unique_ptr<metric_source>;

    result<registration> enter(metric const& described, kind of, source from);
    template <class Metric, class MakeSource>
    result<Metric*> own(metric const& described, kind of, MakeSource const& make_source);
    static std::error_code check(summary_options const& options) noexcept;
    static std::error_code check(bucket_options const& options) noexcept;

    std::shared_ptr<metric_book> const book_ = std::make_shared<metric_book>();
};

inline registration& registration::operator=(registration&& other) noexcept {
    if (this != &other) {
        reset();
        places_ = std::move(other.places_);
    }
    return *this;
}

inline registration& registration::operator+=(registration&& other) {
    if (this == &other) return *this;
    places_.reserve(places_.size() + other.places_.size()); // the only step that may throw
    for (auto& place : other.places_) places_.push_back(std::move(place));
    other.places_.clear();
    return *this;
}

inline void registration::reset() noexcept {
    for (auto& [book, at] : places_) book->leave(at);
    places_.clear();
}

inline result<registration> registry::add(metric const& described, counter const& from) {
    return add_counter(described, [&from] { return from.value(); });
}

inline result<registration> registry::add(metric const& described, gauge const& from) {
    return add_gauge(described, [&from] { return from.value(); });
}

inline result<registration> registry::add(metric const& described, histogram const& from, summary_options options) {
    if (auto const wrong = check(options)) return wrong;
    return enter(described, kind::summary, std::make_unique<summary_source>(from, std::move(options)));
}

inline result<registration> registry::add(metric const& described, histogram const& from, bucket_options options) {
    if (auto const wrong = check(options)) return wrong;
    return enter(described, kind::histogram, std::make_unique<bucket_source>(from, std::move(options)));
}

template <class Read>
    requires std::is_arithmetic_v<std::invoke_result_t<Read const&>>
result<registration> registry::add_gauge(metric const& described, Read read) {
    return enter(described, kind::gauge, std::make_unique<number_source<Read>>(std::move(read)));
}

template <class Read>
    requires std::is_arithmetic_v<std::invoke_result_t<Read const&>>
result<registration> registry::add_counter(metric const& described, Read read) {
    return enter(described, kind::counter, std::make_unique<number_source<Read>>(std::move(read)));
}

inline result<registration> registry::enter(metric const& described, kind of, source from) {
    registration kept;
    kept.places_.reserve(1); // first, so that nothing throws once the metric is in the book
    auto const at = book_->enter(described, of, std::move(from), nullptr);
    if (!at) return at.error();
    kept.places_.emplace_back(book_, *at);
    return kept;
}

template <class Metric, class MakeSource>
result<Metric*> registry::own(metric const& described, kind of, MakeSource const& make_source) {
    if (void* const found = book_->find_owned(described, of)) return static_cast<Metric*>(found);
    auto fresh = std::make_shared<Metric>();
    auto const entered = book_->enter(described, of, make_source(*fresh), fresh);
    if (entered) return fresh.get();
    // Another thread may have asked for the same between our two looks; what it made does not leave any more.
    if (void* const found = book_->find_owned(described, of)) return static_cast<Metric*>(found);
    return entered.error();
}

inline result<counter*> registry::counter_of(metric const& described) {
    return own<counter>(described, kind::counter, [](counter const& from) -> source {
        auto read = [&from] { return from.value(); };
        return std::make_unique<number_source<decltype(read)>>(read);
    });
}

inline result<gauge*> registry::gauge_of(metric const& described) {
    return own<gauge>(described, kind::gauge, [](gauge const& from) -> source {
        auto read = [&from] { return from.value(); };
        return std::make_unique<number_source<decltype(read)>>(read);
    });
}

inline result<histogram*> registry::histogram_of(metric const& described, summary_options options) {
    if (auto const wrong = check(options)) return wrong;
    return own<histogram>(described, kind::summary, [&](histogram const& from) -> source {
        return std::make_unique<summary_source>(from, std::move(options));
    });
}

inline result<histogram*> registry::histogram_of(metric const& described, bucket_options options) {
    if (auto const wrong = check(options)) return wrong;
    return own<histogram>(described, kind::histogram, [&](histogram const& from) -> source {
        return std::make_unique<bucket_source>(from, std::move(options));
    });
}

inline void registry::write(std::string& out) const { book_->write(out); }

inline std::error_code registry::check(summary_options const& options) noexcept {
    double before = -1;
    for (double const quantile : options.quantiles) {
        // Written so that what is no number is refused as well.
        if (!(quantile > before && quantile >= 0 && quantile <= 1)) return metrics_errc::bad_quantile;
        before = quantile;
    }
    return {};
}

inline std::error_code registry::check(bucket_options const& options) noexcept {
    double before = -1;
    for (double const bound : options.bounds) {
        if (!(bound > before && bound >= 0 && std::isfinite(bound))) return metrics_errc::bad_bounds;
        before = bound;
    }
    return {};
}

} // namespace weir
