// tests/consumer/single/core.cpp: a unit with the part of weir that needs no Linux, in one file.
#include <weir/weir_core.hpp>

#include "units.hpp"

#include <string>

namespace {

weir::task<int> length(std::string const& page) { co_return static_cast<int>(page.size()); }

} // namespace

weir::task<int> coalesced_in_core() {
    weir::coalescer<std::string, int> pages{length};
    auto const size = co_await pages.get("/front");
    co_await pages.close();
    co_return size ? *size.value() : 0;
}

void const* version_in_core() { return &weir::version; }
