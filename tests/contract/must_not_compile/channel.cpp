// tests/contract/must_not_compile/channel.cpp: a value on its way between two tasks can be moved without a failure.
#include <weir/channel/channel.hpp>

#ifdef passes_a_value_whose_move_throws // says: a value whose move throws would be lost
inline constexpr bool moves_safely = false;
#else
inline constexpr bool moves_safely = true;
#endif

class value {
public:
    value() = default;
    value(value&&) noexcept(moves_safely) {}
};

void opens() { weir::channel<value> const values{1}; }
