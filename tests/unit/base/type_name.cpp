// tests/unit/base/type_name.cpp: a type's name is as its author wrote it, whatever else the compiler says.
#include <weir/base/type_name.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string_view>

namespace weir {

class named_here {
public:
    class inner;
};
template <class T, int N>
class named_with {};

} // namespace weir

namespace elsewhere {

class named_there {};

} // namespace elsewhere

using namespace weir;

TEST_CASE("a type of the library is named without its namespace, and another with its own") {
    CHECK(type_name<named_here>() == "named_here");
    CHECK(type_name<named_here::inner>() == "named_here::inner"); // which need not be complete
    CHECK(type_name<elsewhere::named_there>() == "elsewhere::named_there");
    CHECK(type_name<int>() == "int");
    CHECK(type_name<int[3]>().starts_with("int")); // a bracket of its own does not end it
    CHECK(type_name<int[3]>().ends_with("[3]"));
    CHECK(type_name<named_with<int, 7>>() == "named_with<int, 7>");
}

static_assert(type_name<named_here>() == "named_here");
