// tests/conformance/table.cpp: docs/cancellation.md says of each awaitable what the suite has checked.
#include "conformance/table.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace weir::conformance;

namespace {

std::filesystem::path const root = std::filesystem::path{__FILE__}.parent_path().parent_path().parent_path();

std::string text_of(std::filesystem::path const& file) {
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    return text.str();
}

// What stands between the two marks of the page.
std::string committed_table() {
    std::string const begin = "<!-- the table, from the suite -->\n";
    std::string const end = "<!-- end of the table -->";
    std::string const page = text_of(root / "docs/cancellation.md");
    std::size_t const from = page.find(begin);
    std::size_t const to = page.find(end);
    if (from == std::string::npos || to == std::string::npos) return "no table";
    return page.substr(from + begin.size(), to - from - begin.size());
}

} // namespace

// For who changes it: `conformance "[print]"`.
TEST_CASE("the table", "[.][print]") { std::fputs(table().c_str(), stdout); }

TEST_CASE("the table in docs/cancellation.md is what the suite prints") {
    CHECK(committed_table() == table());
}

TEST_CASE("no two lines of the table speak of the same awaitable") {
    std::set<std::string_view> names;
    for (auto const& [where, what] : table_lines()) CHECK(names.insert(what.name).second);
    CHECK(names.size() >= 30);
}

TEST_CASE("each of T1 to T10 is the name of a test case") {
    std::string names;
    for (auto const& each : std::filesystem::recursive_directory_iterator{root / "tests"}) {
        if (each.path().extension() != ".cpp" || each.path().filename() == "table.cpp") continue;
        std::istringstream lines{text_of(each.path())};
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("TEST_CASE(")) names += line + '\n';
    }
    for (int n = 1; n <= 10; ++n) {
        std::string const rule = "T" + std::to_string(n);
        INFO(rule);
        CHECK((names.find(rule + ")") != std::string::npos || names.find(rule + ",") != std::string::npos));
    }
}
