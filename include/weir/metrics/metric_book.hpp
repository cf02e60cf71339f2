// weir/metrics/metric_book.hpp: families of metrics by name, and the rules by which one may enter.
// Threads:  any; a mutex orders them.
// For:      authors of primitives; a server uses registry.hpp.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/metrics/metric_source.hpp>
#include <weir/metrics/metrics_errc.hpp>
#include <weir/metrics/prometheus_text.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace weir::inline v0 {

// Names and values of labels, in any order.
using metric_labels = std::vector<std::pair<std::string, std::string>>;

// What tells a metric from others, and what a reader is told of it. Metrics of one name form a family: one kind, one
// help text, and labels that tell them apart.
struct metric {
    std::string name;
    std::string help = {};
    metric_labels labels = {};
};

// Shared by a registry and its registrations, so that either may end first.
class metric_book : immovable {
    struct series {
        std::unique_ptr<metric_source> source;
        std::shared_ptr<void> owned; // the metric itself, where the book keeps it alive
    };
    struct family {
        metric_kind kind;
        std::string help;
        std::map<std::string, series> members; // by their labels: sorted, escaped, as they are written
    };

public:
    // Where a metric stands until it leaves.
    struct place {
        std::map<std::string, family>::iterator of;
        std::map<std::string, series>::iterator member;
    };

    // Nothing is changed on an error or an exception.  Errors: metrics_errc.
    result<place> enter(metric const& described, metric_kind kind, std::unique_ptr<metric_source> source,
                        std::shared_ptr<void> owned);
    // Afterwards nothing looks at the metric any more; waits for a write that has begun.
    void leave(place at) noexcept;
    // The metric that was given as `owned`; null where there is none, or one of another kind.
    void* find_owned(metric const& described, metric_kind kind) const;
    // Appends all families by name. Where a source throws, `out` is left as it was.
    void write(std::string& out) const;

private:
    static std::error_code check_words(metric const& described, metric_kind kind);
    // As they are written; the same for the same labels in another order.
    static std::string written_labels(metric const& described);
    std::error_code check_family(metric const& described, metric_kind kind) const;
    // Whether a family that is there writes lines of this name.
    bool writes_lines_of(std::string_view name) const;

    // M1: no family is empty.
    // M2: no two families write lines of one name.
    // M3: members of a family differ in their labels.
    std::map<std::string, family> families_;
    std::mutex mutable lock_;
};

inline std::error_code metric_book::check_words(metric const& described, metric_kind kind) {
    if (!prometheus::is_metric_name(described.name)) return metrics_errc::bad_name;
    if (!prometheus::is_utf8(described.help)) return metrics_errc::bad_text;
    for (auto const& [name, value] : described.labels) {
        if (!prometheus::is_label_name(name)) return metrics_errc::bad_label_name;
        if (kind == metric_kind::summary && name == "quantile") return metrics_errc::bad_label_name;
        if (kind == metric_kind::histogram && name == "le") return metrics_errc::bad_label_name;
        if (!prometheus::is_utf8(value)) return metrics_errc::bad_text;
        auto const same = [&](auto const& other) { return other.first == name; };
        if (std::count_if(described.labels.begin(), described.labels.end(), same) > 1)
            return metrics_errc::repeated_label;
    }
    return {};
}

inline std::string metric_book::written_labels(metric const& described) {
    auto sorted = described.labels;
    std::sort(sorted.begin(), sorted.end());
    std::string out;
    for (auto const& [name, value] : sorted) {
        if (!out.empty()) out += ',';
        out += name;
        out += "=\"";
        prometheus::append_label_value(out, value);
        out += '"';
    }
    return out;
}

inline bool metric_book::writes_lines_of(std::string_view name) const {
    if (families_.contains(std::string(name))) return true;
    for (std::string_view const suffix : {"_sum", "_count", "_bucket"}) {
        if (!name.ends_with(suffix)) continue;
        auto const base = families_.find(std::string(name.substr(0, name.size() - suffix.size())));
        if (base == families_.end()) continue;
        auto const kind = base->second.kind;
        if (kind == metric_kind::histogram || (kind == metric_kind::summary && suffix != "_bucket")) return true;
    }
    return false;
}

inline std::error_code metric_book::check_family(metric const& described, metric_kind kind) const {
    if (auto const found = families_.find(described.name); found != families_.end()) {
        if (found->second.kind != kind) return metrics_errc::kind_differs;
        if (found->second.help != described.help) return metrics_errc::help_differs;
        return {};
    }
    if (writes_lines_of(described.name)) return metrics_errc::name_clash;
    if (kind != metric_kind::summary && kind != metric_kind::histogram) return {};
    for (char const* const suffix : {"_sum", "_count", "_bucket"}) {
        if (kind == metric_kind::summary && std::string_view(suffix) == "_bucket") continue;
        if (writes_lines_of(described.name + suffix)) return metrics_errc::name_clash;
    }
    return {};
}

inline result<metric_book::place> metric_book::enter(metric const& described, metric_kind kind,
                                                     std::unique_ptr<metric_source> source,
                                                     std::shared_ptr<void> owned) {
    if (auto const wrong = check_words(described, kind)) return wrong;
    auto labels = written_labels(described);
    series entering{std::move(source), std::move(owned)};

    std::lock_guard const guard{lock_};
    if (auto const wrong = check_family(described, kind)) return wrong; // keeps M2
    auto const of = families_.find(described.name);
    if (of == families_.end()) {
        family fresh{kind, described.help, {}};
        fresh.members.emplace(std::move(labels), std::move(entering)); // keeps M1: never in the book without a member
        auto const made = families_.emplace(described.name, std::move(fresh)).first;
        return place{made, made->second.members.begin()};
    }
    auto& members = of->second.members;
    if (members.contains(labels)) return make_error_code(metrics_errc::exists); // keeps M3
    return place{of, members.emplace(std::move(labels), std::move(entering)).first};
}

inline void metric_book::leave(place at) noexcept {
    // Named before the guard and so destroyed after it: the end of a callback's captures may run the user's code.
    std::map<std::string, series>::node_type leaving;
    std::lock_guard const guard{lock_};
    leaving = at.of->second.members.extract(at.member);
    if (at.of->second.members.empty()) families_.erase(at.of); // keeps M1
}

inline void* metric_book::find_owned(metric const& described, metric_kind kind) const {
    auto const labels = written_labels(described);
    std::lock_guard const guard{lock_};
    auto const of = families_.find(described.name);
    if (of == families_.end() || of->second.kind != kind || of->second.help != described.help) return nullptr;
    auto const member = of->second.members.find(labels);
    return member == of->second.members.end() ? nullptr : member->second.owned.get();
}

inline void metric_book::write(std::string& out) const {
    // Cuts the text back unless all of it was written.
    struct whole_or_none {
        std::string& text;
        std::size_t size;
        bool whole = false;
        ~whole_or_none() {
            if (!whole) text.resize(size);
        }
    } end{out, out.size()};
    std::lock_guard const guard{lock_};
    for (auto const& [name, all] : families_) {
        if (!all.help.empty()) {
            out.append("# HELP ").append(name) += ' ';
            prometheus::append_help(out, all.help);
            out += '\n';
        }
        out.append("# TYPE ").append(name) += ' ';
        out.append(to_string(all.kind)) += '\n';
        for (auto const& [labels, member] : all.members) member.source->write(out, name, labels);
    }
    end.whole = true;
}

} // namespace weir
