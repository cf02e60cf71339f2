// tests/contract/two_units_second.cpp: the other unit; see two_units_first.cpp.
#include <every_header.hpp>

void const* version_of_the_second_unit();
void const* version_of_the_second_unit() { return &weir::version; }
