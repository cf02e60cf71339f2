// weir/metrics/metric_set.hpp: metrics that enter a registry together, under the same labels, all of them or none.
//     metric_set all{numbers, {{"pool", "readers"}}};
//     all.gauge("pool_open", "Connections that are open.", [this] { return open(); });
//     all.counter("pool_made_total", "Connections made.", made_);
//     registered_ = all.take().value();
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/metrics/registry.hpp>

#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// Threads: as a plain value.
// After the first that is refused nothing more is entered, and what was entered leaves.
class metric_set : immovable {
public:
    explicit metric_set(registry& into, metric_labels labels = {}) : into_{into}, labels_{std::move(labels)} {}

    // A number that `from` holds, a weir::counter or weir::gauge, or that it returns when a scrape is written.
    // Needs: as registry::add, add_counter and add_gauge.
    template <class From>
    void counter(std::string name, std::string help, From const& from) {
        keep([&](metric const& described) {
            if constexpr (std::is_same_v<From, weir::counter>) return into_.add(described, from);
            else return into_.add_counter(described, from);
        }, std::move(name), std::move(help));
    }
    template <class From>
    void gauge(std::string name, std::string help, From const& from) {
        keep([&](metric const& described) {
            if constexpr (std::is_same_v<From, weir::gauge>) return into_.add(described, from);
            else return into_.add_gauge(described, from);
        }, std::move(name), std::move(help));
    }
    void summary(std::string name, std::string help, histogram const& from, summary_options options = {}) {
        keep([&](metric const& described) { return into_.add(described, from, std::move(options)); }, std::move(name),
             std::move(help));
    }
    // What keeps them there; the set is empty afterwards.  Errors: the first, metrics_errc; then nothing was entered.
    result<registration> take() {
        if (wrong_) return wrong_;
        return std::move(kept_);
    }

private:
    template <class Enter>
    void keep(Enter enter, std::string name, std::string help) {
        if (wrong_) return;
        metric described;
        described.name = std::move(name);
        described.help = std::move(help);
        described.labels = labels_;
        auto entered = enter(described);
        if (entered) {
            kept_ += *std::move(entered);
        } else {
            wrong_ = entered.error();
            kept_ = registration{};
        }
    }

    registry& into_;
    metric_labels const labels_;
    // Side by side, not a result<registration>: g++ 12 takes the assignment of an error to one for a use of what is not
    // there.
    registration kept_;
    std::error_code wrong_;
};

} // namespace weir
