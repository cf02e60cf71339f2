// weir/metrics/metrics_errc.hpp: why a registry refused a metric, as a std::error_code.
#pragma once

#include <string>
#include <system_error>
#include <type_traits>

namespace weir::inline v0 {

enum class metrics_errc {
    bad_name = 1,       // not [a-zA-Z_:][a-zA-Z0-9_:]*
    bad_label_name,     // not [a-zA-Z_][a-zA-Z0-9_]*, or reserved
    bad_text,           // a help text or a label's value is not UTF-8
    repeated_label,     // two labels of one name
    exists,             // the name is taken with the same labels
    kind_differs,       // the name is taken by a metric of another kind
    help_differs,       // the name is taken with another help text
    name_clash,         // a name that a summary or a histogram writes (_sum, _count, _bucket)
    bad_bounds,         // bounds of buckets are not finite, or do not rise
    bad_quantile,       // a quantile outside 0 to 1
};

class metrics_category final : public std::error_category {
public:
    char const* name() const noexcept override { return "weir.metrics"; }
    std::string message(int value) const override {
        switch (static_cast<metrics_errc>(value)) {
            case metrics_errc::bad_name: return "a metric's name must match [a-zA-Z_:][a-zA-Z0-9_:]*";
            case metrics_errc::bad_label_name:
                return "a label's name must match [a-zA-Z_][a-zA-Z0-9_]*, not begin with __, and be neither a "
                       "histogram's le nor a summary's quantile";
            case metrics_errc::bad_text: return "a help text or a label's value is not valid UTF-8";
            case metrics_errc::repeated_label: return "two labels have the same name";
            case metrics_errc::exists: return "a metric of this name with the same labels is registered already";
            case metrics_errc::kind_differs: return "the name is registered for a metric of another kind";
            case metrics_errc::help_differs: return "the name is registered with another help text";
            case metrics_errc::name_clash:
                return "the name and that of a registered summary or histogram would write the same lines";
            case metrics_errc::bad_bounds: return "the bounds of a histogram must be finite, not negative, and rise";
            case metrics_errc::bad_quantile: return "a quantile must lie between 0 and 1, and above the one before";
        }
        return "unknown metrics error " + std::to_string(value);
    }
};

inline std::error_category const& metrics_error_category() noexcept {
    static metrics_category const instance;
    return instance;
}

inline std::error_code make_error_code(metrics_errc value) noexcept {
    return {static_cast<int>(value), metrics_error_category()};
}

} // namespace weir

template <>
struct std::is_error_code_enum<weir::metrics_errc> : std::true_type {};
