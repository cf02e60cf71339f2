// tests/contract/two_units_first.cpp: one of two units that include every header; the other is two_units_second.cpp.
#include <every_header.hpp>

void const* version_of_the_second_unit();

// Linking shows that nothing is defined twice; the address shows that both units speak of one object.
int main() {
    bool const shared = version_of_the_second_unit() == &weir::version;
    return shared ? 0 : 1;
}

static_assert(weir::version.size() == 5, "one digit each, so that the comparison below holds");
static_assert(weir::version[0] == '0' + weir::version_major);
static_assert(weir::version[2] == '0' + weir::version_minor);
static_assert(weir::version[4] == '0' + weir::version_patch);
