// weir/metrics/metric_source.hpp: how each kind of metric writes its lines of Prometheus text.
// For:      authors of primitives; a server meets these through registry.hpp.
#pragma once

#include <weir/metrics/histogram.hpp>
#include <weir/metrics/prometheus_text.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

// What a histogram's numbers are, and so how they are written.
enum class recorded {
    nanoseconds, // written as seconds, the unit that Prometheus asks for
    numbers,     // written as they are: bytes, items of a batch
};

// How a histogram is written as a summary: quantiles over all that was recorded since its beginning.
struct summary_options {
    recorded unit = recorded::nanoseconds;
    std::vector<double> quantiles = {0.5, 0.9, 0.95, 0.99, 0.999, 0.9999};
};

// How a histogram is written as Prometheus' own: counts up to each bound, which a query can add up over servers.
struct bucket_options {
    recorded unit = recorded::nanoseconds;
    // In the unit that is written; one without end is added. A bound is kept within 0.8 %, as the numbers are.
    std::vector<double> bounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
};

enum class metric_kind { counter, gauge, summary, histogram };

constexpr std::string_view to_string(metric_kind kind) noexcept {
    switch (kind) {
        case metric_kind::counter: return "counter";
        case metric_kind::gauge: return "gauge";
        case metric_kind::summary: return "summary";
        case metric_kind::histogram: return "histogram";
    }
    return "untyped";
}

// One series: a metric with its labels.
class metric_source {
public:
    metric_source() = default;
    metric_source(metric_source const&) = delete;
    metric_source& operator=(metric_source const&) = delete;
    virtual ~metric_source() = default;
    // Appends the series' lines; `labels` is escaped.
    virtual void write(std::string& out, std::string_view name, std::string_view labels) const = 0;
};

// A number that is asked for when it is written.
template <class Read>
class number_source final : public metric_source {
public:
    explicit number_source(Read read) : read_{std::move(read)} {}
    void write(std::string& out, std::string_view name, std::string_view labels) const override {
        auto const value = read_();
        using value_type = std::remove_cvref_t<decltype(value)>;
        prometheus::append_series(out, name, labels);
        if constexpr (std::is_same_v<value_type, bool>) out += value ? '1' : '0';
        else if constexpr (std::is_integral_v<value_type>) prometheus::append_number(out, value);
        else prometheus::append_number(out, static_cast<double>(value));
        out += '\n';
    }

private:
    Read read_;
};

class summary_source final : public metric_source {
public:
    summary_source(histogram const& of, summary_options options) : of_{of}, options_{std::move(options)} {}
    void write(std::string& out, std::string_view name, std::string_view labels) const override;

private:
    histogram const& of_;
    summary_options const options_;
};

class bucket_source final : public metric_source {
public:
    bucket_source(histogram const& of, bucket_options options) : of_{of}, options_{std::move(options)} {}
    void write(std::string& out, std::string_view name, std::string_view labels) const override;

private:
    histogram const& of_;
    bucket_options const options_;
};

namespace detail {

// Divided rather than multiplied by 1e-9, which is no binary fraction: 5 ms is then written as 0.005.
inline double written(double value, recorded unit) noexcept {
    return unit == recorded::nanoseconds ? value / 1e9 : value;
}

// The greatest recorded number within a bound of the written unit.
inline std::uint64_t recorded_bound(double bound, recorded unit) noexcept {
    // A bound in seconds is rarely a binary fraction, so nanoseconds are rounded; numbers are not, as 2.5 admits 2 only.
    auto const value = unit == recorded::nanoseconds ? std::round(bound * 1e9) : std::floor(bound);
    return value >= 18446744073709551615.0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(value);
}

// The two lines in which summaries and histograms end.
inline void append_sum_and_count(std::string& out, std::string_view name, std::string_view labels,
                                 distribution const& seen, recorded unit) {
    auto const suffixed = [&](std::string_view suffix) { return std::string(name) += suffix; };
    prometheus::append_series(out, suffixed("_sum"), labels);
    prometheus::append_number(out, written(seen.sum(), unit));
    out += '\n';
    prometheus::append_series(out, suffixed("_count"), labels);
    prometheus::append_number(out, seen.count());
    out += '\n';
}

} // namespace detail

inline void summary_source::write(std::string& out, std::string_view name, std::string_view labels) const {
    auto const seen = of_.snapshot();
    for (double const quantile : options_.quantiles) {
        std::string text;
        prometheus::append_number(text, quantile);
        prometheus::append_series(out, name, labels, "quantile", text);
        if (seen.empty()) out += "NaN"; // no number has been seen, and 0 would be one
        else
            prometheus::append_number(out,
                                      detail::written(static_cast<double>(seen.quantile(quantile)), options_.unit));
        out += '\n';
    }
    detail::append_sum_and_count(out, name, labels, seen, options_.unit);
}

inline void bucket_source::write(std::string& out, std::string_view name, std::string_view labels) const {
    auto const seen = of_.snapshot();
    auto const line = std::string(name) + "_bucket";
    for (double const bound : options_.bounds) {
        std::string text;
        prometheus::append_number(text, bound);
        prometheus::append_series(out, line, labels, "le", text);
        prometheus::append_number(out, seen.count_at_most(detail::recorded_bound(bound, options_.unit)));
        out += '\n';
    }
    prometheus::append_series(out, line, labels, "le", "+Inf");
    prometheus::append_number(out, seen.count());
    out += '\n';
    detail::append_sum_and_count(out, name, labels, seen, options_.unit);
}

} // namespace weir
