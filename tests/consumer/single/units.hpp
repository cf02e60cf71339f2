// tests/consumer/single/units.hpp: what the units of one program ask of each other; each has included weir its own way.
#pragma once

weir::task<int> slept_in_whole();
weir::task<int> coalesced_in_core();
void const* version_in_whole();
void const* version_in_core();
