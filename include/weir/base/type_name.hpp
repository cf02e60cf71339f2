// weir/base/type_name.hpp: a type's name for reports, as the compiler writes it, without what every reader knows.
// For:      authors of primitives: queue_awaiter.hpp.
#pragma once

#include <string_view>

namespace weir::inline v0 {

namespace detail {

template <class T>
constexpr std::string_view signature_of() noexcept {
#if defined(__GNUC__) || defined(__clang__)
    return __PRETTY_FUNCTION__;
#else
    return {};
#endif
}

} // namespace detail

// `weir::mutex::awaiter` gives "mutex::awaiter".  Returns: nothing where the compiler does not tell.
template <class T>
constexpr std::string_view type_name() noexcept {
    auto text = detail::signature_of<T>();
    auto const begin = text.find("T = ");
    if (begin == text.npos) return {};
    text.remove_prefix(begin + 4);
    // What follows the type is a further argument of the template, or the end.
    auto const end = text.find(';') == text.npos ? text.rfind(']') : text.find(';');
    text = text.substr(0, end);
    for (std::string_view const known : {"weir::", "v0::"})
        if (text.starts_with(known)) text.remove_prefix(known.size());
    return text;
}

} // namespace weir
