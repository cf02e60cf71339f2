// weir/flow/equal_keys.hpp: compares keys of any two types that can be compared.
#pragma once

namespace weir::inline v0 {

// As std::equal_to<>, which lives in a header that costs every user compile time.
struct equal_keys {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(A const& a, B const& b) const {
        return a == b;
    }
};

} // namespace weir
