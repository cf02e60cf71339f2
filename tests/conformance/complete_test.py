#!/usr/bin/env python3
"""tests/conformance/complete_test.py: complete.py finds what can be awaited, and lines that are missing or wrong."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import complete

LINE = '.name = "{}"'


def told(headers, lines, excused=None):
    """The breaches of a tree of these headers, by path, and lines."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tests/conformance").mkdir(parents=True)
        (root / "tests/conformance/all.cpp").write_text("\n".join(LINE.format(each) for each in lines))
        for path, text in headers.items():
            place = root / "include/weir" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return list(complete.breaches(root, excused or {}))


def missing(text, *names, path="sync/one.hpp"):
    return [f"{name} has no line in tests/conformance, and no excuse in complete.py" for name in names] == \
        told({path: text}, [])


class Finds(unittest.TestCase):
    def test_a_function_that_gives_a_task(self):
        self.assertTrue(missing("namespace weir { task<> serve(int port); }", "serve"))
        self.assertTrue(missing("namespace weir::net { inline task<int> serve() { co_return 1; } }", "net::serve"))
        self.assertTrue(missing("namespace weir { template <class F> auto run(F fn) -> task<int> { } }", "run"))

    def test_a_member_that_gives_an_operation(self):
        self.assertTrue(missing("namespace weir { class event { public: operation<a, event&> wait() noexcept; }; }",
                                "event::wait"))

    def test_a_member_that_is_defined_outside(self):
        self.assertTrue(missing("namespace weir { class set { public: auto next() noexcept; };"
                                " inline auto set::next() noexcept { return operation<a, int>{1}; } }", "set::next"))

    def test_a_member_of_a_nested_class(self):
        self.assertTrue(missing("namespace weir { template <class T> class box<T>::reader { public: task<T> get(); }; }",
                                "box::reader::get"))

    def test_what_hands_on_the_await_of_another(self):
        self.assertTrue(missing("namespace weir { class both { public: task<> one(); auto two() { return one(); } }; }",
                                "both::one", "both::two"))

    def test_a_class_that_is_awaited(self):
        self.assertTrue(missing("namespace weir { class [[nodiscard]] pause { public: a operator co_await(); }; }",
                                "pause"))

    def test_a_function_that_gives_an_awaiter(self):
        self.assertTrue(missing("namespace weir { namespace detail { class step { public: bool await_ready(); }; }"
                                " class walk { public: detail::step next(); }; }", "walk::next"))


class Leaves(unittest.TestCase):
    def test_what_nobody_can_await(self):
        self.assertTrue(missing("namespace weir { class a { task<> hidden(); public: int seen(); }; }"))
        self.assertTrue(missing("namespace weir { namespace detail { task<> inner(); } }"))
        card = "// weir/sync/one.hpp: one.\n// For:  authors of primitives.\n"
        self.assertTrue(missing(card + "namespace weir { task<> a(); }"))
        self.assertTrue(missing("namespace weir { task<> none(); }", path="queue/one.hpp"))
        self.assertTrue(missing("namespace weir { // task<> said();\n using made = task<>; }"))

    def test_what_has_a_line(self):
        header = "namespace weir { class event { public: task<> wait(); task<> pass(); }; }"
        self.assertEqual(told({"sync/one.hpp": header}, ["event::wait, pass"]), [])
        self.assertEqual(told({"sync/one.hpp": header}, ["event::wait behind another", "event::pass"]), [])

    def test_what_a_derived_class_or_an_alias_has_a_line_for(self):
        header = ("namespace weir { template <class T> class base { public: task<> wait(); };"
                  " class one : public base<int> {}; }")
        self.assertEqual(told({"sync/one.hpp": header}, ["one::wait"]), [])
        header = "namespace weir { template <class T> class any { public: task<> wait(); }; using one = any<int>; }"
        self.assertEqual(told({"sync/one.hpp": header}, ["one::wait"]), [])


class Rejects(unittest.TestCase):
    header = {"sync/one.hpp": "namespace weir { task<> a(); task<> b(); }"}

    def test_a_line_of_nothing(self):
        self.assertEqual(told(self.header, ["a", "b", "c"]), ["the line c is that of nothing which can be awaited"])

    def test_excuses_that_are_no_longer_true(self):
        self.assertEqual(told(self.header, ["a"], {"b": "=a"}), [])
        self.assertEqual(told(self.header, ["a"], {"b": "=x"}), ["b is excused by x, which has no line"])
        self.assertEqual(told(self.header, ["a", "b"], {"b": "=a"}), ["b is excused, and has a line"])
        self.assertEqual(told(self.header, ["a", "b"], {"x": "why"}),
                         ["x is excused, and is nothing that can be awaited"])


if __name__ == "__main__":
    unittest.main()
