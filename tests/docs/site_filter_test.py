#!/usr/bin/env python3
"""docs/site/filter.py gives Doxygen what a user may know of a header, and names and links of a page."""
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs/site"))
from header import doxygen_of_header  # noqa: E402
from page import Site  # noqa: E402
from prose import doxygen_of_comment, prose  # noqa: E402

HEADER = """\
// weir/coro/thing.hpp: keeps a T, and gives it back.
//     thing<int> one{1};
//     use(one.get());
// Cost:     one allocation, of which a
//           part is free.
#pragma once

#include <weir/base/slot.hpp>
#include <weir/base/immovable.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir {

namespace detail {
// Not for users.
struct hidden_part {};
} // namespace detail

enum class colour : unsigned char {
    red,   // as a rose is
    green, // as grass is,
           // in spring
};

// Threads: any.
template <class T>
    requires requires(T t) { t.size(); }
class thing : immovable {
    using secret = detail::hidden_part;

public:
    class handle;
    // Gives it back. Needs: a value.  Errors: none < 3.
    T get() noexcept { return secret_body(10'000); }
    bool full() const noexcept; // whether there is one

    // Above nothing.

    // Threads: one -----------------------
    // Turns round.
    void turn();
    // Threads: any -----------------------
    std::size_t limit = 3;

private:
    // I1: never null.
    std::unique_ptr<T> secret_;
    class room;
};

static_assert(sizeof(thing<std::string>) > 0);

// How it is done.
template <class T>
bool thing<T>::full() const noexcept {
    return true;
}

// For the house.
template <class T>
class thing<T>::room {};

// What a caller holds.
template <class T>
class thing<T>::handle {};

// Adds. Returns: the sum.
inline int add(int a, int b) { return a + b; }

} // namespace weir
"""


class Header(unittest.TestCase):
    def setUp(self):
        self.out = doxygen_of_header(HEADER)
        self.lines = self.out.split("\n")

    def test_a_line_stays_in_its_place(self):
        self.assertEqual(HEADER.count("\n"), self.out.count("\n"))
        for name in ("T get()", "enum class colour", "inline int add"):
            at = lambda text: next(n for n, line in enumerate(text.split("\n")) if name in line)
            self.assertEqual(at(HEADER), at(self.out))

    def test_the_card_speaks_for_the_file_and_for_the_class_of_its_name(self):
        self.assertTrue(self.lines[0].startswith("/// @file weir/coro/thing.hpp "))
        self.assertIn("Keeps a T, and gives it back.", self.lines[0])
        at = self.lines.index("/// @class weir::thing")
        self.assertEqual("/// Keeps a T, and gives it back.", self.lines[at + 1])
        self.assertEqual("/// @label{Threads}any.", self.lines[at + 7])  # the class's own words come after
        self.assertEqual(1, self.out.count("@label{Threads}any."))

    def test_code_of_the_card_is_an_example(self):
        self.assertEqual(["/// @code{.cc}thing<int> one{1};", "/// use(one.get()); @endcode"], self.lines[1:3])

    def test_comments_of_public_declarations_are_for_users(self):
        self.assertIn("    /// Gives it back.@label{Needs}a value.@label{Errors}none &lt; 3.", self.lines)
        self.assertIn("/// Adds.@label{Returns}the sum.", self.lines)
        self.assertIn("    bool full() const noexcept; ///< whether there is one", self.lines)
        self.assertIn("    red,   ///< as a rose is", self.lines)
        self.assertIn("           ///< in spring", self.lines)
        self.assertIn("/// What a caller holds.", self.lines)

    def test_what_is_no_users_business_is_gone(self):
        for gone in ("hidden_part", "Not for users", "secret", "class room", "thing<T>::room", "thing<T>::full",
                     "static_assert", "#include"):
            self.assertNotIn(gone, self.out)
        for plain in ("I1: never null", "How it is done", "For the house", "Above nothing"):
            self.assertIn(f"// {plain}", self.out)
            self.assertNotIn(f"/// {plain}", self.out)

    def test_titles_over_a_rule_begin_parts_of_a_class(self):
        first = self.lines.index("    /** @name Threads: one @nl@{ */")
        self.assertEqual("    /// Turns round.", self.lines[first + 1])
        self.assertEqual("    /** @} */ /** @name Threads: any @nl@{ */", self.lines[first + 3])
        self.assertEqual("/** @} */ private:", self.lines[first + 6])

    def test_what_is_declared_belongs_to_the_group_of_the_folder(self):
        self.assertIn("namespace weir { /** @addtogroup coro_reference @nl@{ */", self.lines)
        self.assertIn("/** @} */ } // namespace weir", self.lines)

    def test_an_umbrella_speaks_for_its_folder(self):
        lines = doxygen_of_header("// weir/coro.hpp: tasks.\n// Any thread.\n#pragma once\n\n"
                                  "#include <a>\n#include <b>\n#include <c>\n").split("\n")
        self.assertEqual(["/// @defgroup coro_reference coro", "/// @brief Tasks.", "/// Any thread."], lines[:3])

    def test_every_header_of_the_library_keeps_its_lines(self):
        headers = sorted((ROOT / "include/weir").rglob("*.hpp"))
        self.assertGreater(len(headers), 100)
        for header in headers:
            text = header.read_text(encoding="utf-8")
            out = doxygen_of_header(text)
            self.assertEqual(text.count("\n"), out.count("\n"), header)
            self.assertNotIn("namespace detail {", out, header)


class Prose(unittest.TestCase):
    def test_names_of_code_are_set_as_code(self):
        self.assertEqual("gives <code>task&lt;result&lt;int&gt;&gt;</code> or <code>errc\\::closed</code>",
                         prose("gives task<result<int>> or errc::closed"))

    def test_nothing_is_a_command_by_accident(self):
        self.assertEqual("\\@a &lt;b&gt; \\#c \\%d", prose("@a <b> #c %d"))

    def test_a_label_may_go_on_indented_and_ends_with_a_sentence(self):
        self.assertEqual(["@label{Cost}one,", "two.", "@nl @nl More."],
                         doxygen_of_comment(["Cost: one,", "      two.", "More."]))


class Page(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        root = pathlib.Path(self.folder.name)
        for name in ("README.md", "docs/other.md", "docs/guide/one.md", "docs/pictures/p.svg", "bench/run.py"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("", encoding="utf-8")
        self.site = Site(root)

    def tearDown(self):
        self.folder.cleanup()

    def page(self, text):
        return self.site.page("docs/guide/one.md", text)

    def test_a_page_and_its_headings_have_names(self):
        self.assertEqual("# One {#guide_one}\n\n## Two words {#guide_one_two-words}\n",
                         self.page("# One\n\n## Two words\n"))

    def test_links_lead_to_names(self):
        self.assertEqual("[o](@ref other) [a](@ref other_x) [r](@ref index) [here](@ref guide_one_y)\n",
                         self.page("[o](../other.md) [a](../other.md#x) [r](../../README.md) [here](#y)\n"))

    def test_what_the_site_has_not_is_text_and_what_is_not_there_is_found(self):
        self.assertEqual("run [w](@ref nowhere_docsguidegonemd)\n", self.page("[run](../../bench/run.py) [w](gone.md)\n"))

    def test_code_is_left_alone(self):
        self.assertEqual("```{.cc}\na::b < c; // [x](y.md)\n```\n", self.page("```cpp\na::b < c; // [x](y.md)\n```\n"))
        self.assertEqual("<code>a\\::b&lt;c&gt;\nd</code>\n", self.page("`a::b<c>\nd`\n"))


if __name__ == "__main__":
    unittest.main()
