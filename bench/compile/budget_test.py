#!/usr/bin/env python3
"""bench/compile/budget_test.py: the arithmetic of budget.py, and what makes it fail."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import budget

MILLISECOND = 1000


def pair(begin, end, name):
    """A file of a trace as clang writes it since 18: a beginning and, behind it, an end."""
    return [{"name": "Source", "ph": "b", "ts": begin * MILLISECOND, "args": {"detail": name}},
            {"name": "Source", "ph": "e", "ts": end * MILLISECOND}]


def single(begin, end, name):
    """The same as clang wrote it before."""
    return [{"name": "Source", "ph": "X", "ts": begin * MILLISECOND, "dur": (end - begin) * MILLISECOND,
             "args": {"detail": name}}]


class Exclusive(unittest.TestCase):
    def test_a_file_is_charged_with_what_those_that_it_includes_leave(self):
        for file in (pair, single):
            # As a trace has them: who ends first stands first.
            seconds = budget.exclusive([*file(2, 5, "/b"), *file(6, 7, "/c"), *file(1, 8, "/a"), *file(8, 10, "/d"),
                                        {"name": "Total", "ph": "X", "ts": 0, "dur": 9}])
            milliseconds = {name: round(of * 1000) for name, of in seconds.items()}
            self.assertEqual(milliseconds, {"/a": 3, "/b": 3, "/c": 1, "/d": 2})

    def test_a_header_costs_what_it_reaches(self):
        self.assertEqual(budget.cost({"/a", "/b", "/unknown"}, {"/a": 1, "/b": 2, "/c": 4}), 3)


class Breaches(unittest.TestCase):
    def breaches(self, **files):
        return list(budget.breaches_of({name: set() for name in budget.BUDGET} | files))

    def test_each_umbrella_has_a_budget_and_each_budget_an_umbrella(self):
        self.assertEqual(self.breaches(), [])
        self.assertEqual(self.breaches(more=set()), ["weir/more.hpp has no budget"])
        fewer = {name: set() for name in budget.BUDGET if name != "flow"}
        self.assertEqual(list(budget.breaches_of(fewer)), ["weir/flow.hpp has a budget, and is no umbrella"])

    def test_a_costly_header_of_the_standard_is_found_where_it_is_reached(self):
        self.assertEqual(self.breaches(flow={"/usr/include/c++/12/future", "/home/future", "/usr/include/c++/12/map"}),
                         ["weir/flow.hpp reaches <future>"])


if __name__ == "__main__":
    unittest.main()
