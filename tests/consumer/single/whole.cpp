// tests/consumer/single/whole.cpp: a unit with all of weir in one file, which it includes after the part.
#include <weir/weir_core.hpp>
#include <weir/weir.hpp>

#include "units.hpp"

#include <chrono>

weir::task<int> slept_in_whole() {
    auto const slept = co_await weir::sleep_for(std::chrono::milliseconds{1});
    co_return slept ? 1 : 0;
}

void const* version_in_whole() { return &weir::version; }
