// tests/conformance/conformance.hpp: the contract of a wait, as one function that every awaitable of the library is put
// through. A new awaitable is a new subject in the list of its group, and by that also a line of docs/cancellation.md.
#pragma once

#include "conformance/edges.hpp"
#include "conformance/on_runtime.hpp"
#include "conformance/orders.hpp"
#include "conformance/races.hpp"
#include "conformance/table.hpp"
#include "support/watchdog.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <string>

namespace weir::conformance {

template <subject S>
void conforms() {
    INFO(S::row.name);
    test::watchdog const watched{120};
    std::string const fine;
    if constexpr (!S::row.in_kernel) {
        CHECK(at_the_edges<S>() == nullptr);
        CHECK(in_every_order<S>() == fine);
        CHECK(in_races<S>() == fine);
    } else {
        CHECK(on_runtime<S>(1, io::backend_choice::epoll) == fine);
        CHECK(on_runtime<S>(2, io::backend_choice::epoll) == fine);
    }
    CHECK(on_runtime<S>(1) == fine);
    CHECK(on_runtime<S>(2) == fine);
}

} // namespace weir::conformance
