#!/usr/bin/env python3
"""tests/tidy/tidy_test.py: builds tiny trees, breaks one rule in each, and shows that tidy.py finds just that."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import tidy


def header(path, *lines):
    return f"// weir/{path}: a word.\n#pragma once\n" + "".join(line + "\n" for line in lines)


def includes(*paths):
    return [f"#include <{path}>" for path in paths]


SOUND = {
    "include/weir/weir.hpp": header("weir.hpp", *includes("weir/version.hpp", "weir/base.hpp", "weir/queue.hpp")),
    "include/weir/version.hpp": header("version.hpp"),
    "include/weir/base.hpp": header("base.hpp", *includes("weir/base/atomic.hpp", "weir/base/slot.hpp")),
    "include/weir/base/atomic.hpp": header("base/atomic.hpp", "#include <atomic>"),
    "include/weir/base/slot.hpp": header("base/slot.hpp"),
    "include/weir/queue.hpp": header("queue.hpp", *includes("weir/queue/spsc.hpp")),
    "include/weir/queue/spsc.hpp": header("queue/spsc.hpp", *includes("weir/base/atomic.hpp")),
}


class Tidy(unittest.TestCase):
    def breaches(self, changes):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**SOUND, **changes}.items():
                if text is not None:
                    file = Path(root) / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(text, encoding="utf-8")
            return [str(breach) for breach in tidy.breaches(root)]

    def silent(self, changes):
        self.assertEqual(self.breaches(changes), [])

    def finds(self, what, changes):
        """One breach, which says `what`."""
        found = self.breaches(changes)
        self.assertEqual(len(found), 1, found)
        self.assertIn(what, found[0])

    def spsc(self, *lines):
        return {"include/weir/queue/spsc.hpp": header("queue/spsc.hpp", *lines)}

    def program(self, *lines):
        return {"examples/1_first.cpp": "".join(line + "\n" for line in lines)}

    def two_siblings(self, *lines_of_sync):
        umbrellas = ("weir/version.hpp", "weir/base.hpp", "weir/queue.hpp", "weir/timer.hpp", "weir/sync.hpp")
        return {
            "include/weir/weir.hpp": header("weir.hpp", *includes(*umbrellas)),
            "include/weir/timer.hpp": header("timer.hpp", *includes("weir/timer/wheel.hpp")),
            "include/weir/timer/wheel.hpp": header("timer/wheel.hpp"),
            "include/weir/sync.hpp": header("sync.hpp", *includes("weir/sync/event.hpp")),
            "include/weir/sync/event.hpp": header("sync/event.hpp", *lines_of_sync),
        }

    def test_a_sound_tree_is_silent(self):
        self.silent({})

    def test_an_include_may_go_down_or_stay_in_its_folder(self):
        self.silent(self.two_siblings("#include <weir/queue/spsc.hpp>", "#include <vector>"))
        self.silent({"include/weir/base/slot.hpp": header("base/slot.hpp", "#include <weir/base/atomic.hpp>")})

    def test_an_include_that_goes_up(self):
        slot = header("base/slot.hpp", "#include <weir/timer/wheel.hpp>")
        self.finds("base/slot.hpp:3: base looks up to timer", {**self.two_siblings(), "include/weir/base/slot.hpp": slot})

    def test_an_include_that_goes_sideways(self):
        self.finds("sync looks sideways to timer", self.two_siblings("#include <weir/timer/wheel.hpp>"))

    def test_an_umbrella_is_no_way_round_a_floor(self):
        self.finds("sync looks sideways to timer", self.two_siblings("#include <weir/timer.hpp>"))

    def test_an_include_of_the_whole_library(self):
        found = self.breaches(self.spsc("#include <weir/weir.hpp>"))
        self.assertTrue(any("includes the whole library" in breach for breach in found), found)

    def test_an_include_of_a_file_that_is_not_there(self):
        self.finds("<weir/base/spool.hpp> does not exist", self.spsc("#include <weir/base/spool.hpp>"))

    def test_a_quoted_include(self):
        self.finds("is quoted", self.spsc('#include "slot.hpp"'))

    def test_a_folder_without_a_floor(self):
        found = self.breaches({"include/weir/attic/box.hpp": header("attic/box.hpp")})
        self.assertTrue(any("stands on no floor" in breach for breach in found), found)

    def test_a_header_beside_the_folders(self):
        self.finds("neither an umbrella", {"include/weir/misc.hpp": header("misc.hpp")})

    def test_a_cycle(self):
        self.finds("base/atomic.hpp -> base/slot.hpp -> base/atomic.hpp", {
            "include/weir/base/atomic.hpp": header("base/atomic.hpp", *includes("atomic", "weir/base/slot.hpp")),
            "include/weir/base/slot.hpp": header("base/slot.hpp", *includes("weir/base/atomic.hpp")),
        })

    def test_an_umbrella_that_misses_a_file(self):
        self.finds("queue.hpp:1: the umbrella misses <weir/queue/mpmc.hpp>",
                   {"include/weir/queue/mpmc.hpp": header("queue/mpmc.hpp")})

    def test_an_umbrella_that_misses_a_file_of_a_folder_in_its_folder(self):
        self.finds("the umbrella misses <weir/queue/op/push.hpp>",
                   {"include/weir/queue/op/push.hpp": header("queue/op/push.hpp")})

    def test_a_folder_without_an_umbrella(self):
        self.finds("queue.hpp:1: this umbrella is missing", {
            "include/weir/weir.hpp": header("weir.hpp", *includes("weir/version.hpp", "weir/base.hpp")),
            "include/weir/queue.hpp": None,
        })

    def test_a_top_umbrella_that_misses_a_folder(self):
        self.finds("weir.hpp:1: the umbrella misses <weir/queue.hpp>",
                   {"include/weir/weir.hpp": header("weir.hpp", *includes("weir/version.hpp", "weir/base.hpp"))})

    def test_a_file_for_authors_stays_out_of_the_umbrella(self):
        card = "// weir/queue/node.hpp: a word.\n// For:      authors of primitives.\n#pragma once\n"
        self.silent({"include/weir/queue/node.hpp": card})
        listed = header("queue.hpp", *includes("weir/queue/spsc.hpp", "weir/queue/node.hpp"))
        self.finds("stays out of the umbrella",
                   {"include/weir/queue/node.hpp": card, "include/weir/queue.hpp": listed})

    def test_the_marker_for_authors_counts_on_the_title_card_only(self):
        text = header("queue/node.hpp") + "\n// For: authors of primitives.\n"
        self.finds("the umbrella misses", {"include/weir/queue/node.hpp": text})

    def test_a_title_card_with_a_wrong_path(self):
        self.finds("the first line is not `// weir/queue/spsc.hpp: ...`",
                   {"include/weir/queue/spsc.hpp": "// weir/queue/mpmc.hpp : a word.\n"})

    def test_a_header_without_a_title_card(self):
        self.finds("the first line is not", {"include/weir/queue/spsc.hpp": "#pragma once\n"})

    def test_a_source_whose_title_card_speaks_of_another(self):
        self.finds("speaks of examples/2_second.cpp", self.program("// examples/2_second.cpp: a word."))
        self.silent(self.program("// examples/1_first.cpp: a word."))
        self.silent(self.program("// 1_first.cpp: a word."))

    def test_a_second_file_that_includes_atomic_xsimd_or_concurrentqueue(self):
        for what, home in (("atomic", "base/atomic.hpp"), ("xsimd/xsimd.hpp", "simd/lanes.hpp"),
                           ("concurrentqueue/moodycamel/concurrentqueue.h", "queue/unbounded.hpp"),
                           ("concurrentqueue.h", "queue/unbounded.hpp")):
            with self.subTest(what):
                self.finds(f"only {home} includes <{what}>", self.spsc(f"#  include <{what}>"))

    def test_an_include_that_costs_compile_time(self):
        for what in ("iostream", "regex", "functional", "future"):
            with self.subTest(what):
                self.finds(f"<{what}> costs", self.spsc(f"#include <{what}>"))

    def test_a_namespace_without_the_version(self):
        self.finds("queue/spsc.hpp:3: a namespace without", self.spsc("namespace weir {"))
        self.finds("queue/spsc.hpp:3: a namespace without", self.spsc("namespace weir::detail {"))
        self.silent(self.spsc("namespace weir::inline v0::detail {"))
        self.silent(self.spsc("} // namespace weir"))

    def test_a_second_thread_local(self):
        self.finds("queue/spsc.hpp:3: thread_local", self.spsc("inline thread_local int x = 0;"))
        self.silent(self.spsc("// no thread_local here"))

    def test_each_await_trap(self):
        for what, line in (
            ("a condition that awaits", "if (co_await ready()) go();"),
            ("a condition that awaits", "while (busy && co_await ready()) go();"),
            ("a condition that awaits", "switch (co_await pick()) {"),
            ("a condition that awaits", "if (!(f(1) && (co_await ready()))) go();"),
            ("a structured binding", "auto [a, b] = co_await pair();"),
            ("a structured binding", "auto&& [a, b] = co_await pair();"),
            ("a braced argument", "co_await send({1, 2});"),
            ("a capturing lambda", "co_await blocking([s] { return s; });"),
            ("a capturing lambda", "co_await blocking(1, [&x, s = std::move(s)](int) mutable { return s; });"),
            ("a conditional expression", "int x = c ? co_await a() : 2;"),
        ):
            with self.subTest(line):
                self.finds(what, self.program(line))
                self.silent(self.program(line + "  // trap on purpose"))

    def test_a_trap_over_two_lines(self):
        self.finds("examples/1_first.cpp:2: a braced argument", self.program("int y;", "co_await send(", "    {1, 2});"))
        self.silent(self.program("int y;", "co_await send(", "    {1, 2});  // trap on purpose"))

    def test_a_trap_is_looked_for_in_headers_tests_and_readme(self):
        trap = "auto [a, b] = co_await pair();\n"
        self.finds("tests/unit/x.cpp:1:", {"tests/unit/x.cpp": trap})
        self.finds("queue/spsc.hpp:3:", self.spsc(trap))
        found = self.breaches({"README.md": f"# weir\n\n```cpp\n{trap}```\n"})
        self.assertTrue(any("README.md:4: a structured binding" in breach for breach in found), found)

    def test_what_is_no_trap(self):
        for line in (
            "auto ready = co_await x; if (ready) go();",
            "if (x) { co_await y; }",
            "if (x || !queue.empty()) co_await y();",
            "co_await blocking([](std::string s) { return s; }, std::move(s));",
            "co_await blocking([&] { return s; });",
            "co_await blocking([&x, this] { return s; });",
            "co_await jobs[i](3);",
            "// if (co_await x)",
            'log("why? because"); co_await x;',
            "int n = 1'000; auto c = '?'; co_await x;",
        ):
            with self.subTest(line):
                self.silent(self.program(line))

    def test_a_program_of_the_readme_is_compiled(self):
        readme = "# weir\n\n```cpp\nint main() {}\n```\n\n```sh\nscripts/test\n```\n"
        self.finds("README.md:4: this program stands in no source", {"README.md": readme})
        self.silent({"README.md": readme, "tests/contract/readme.cpp": "// head\nint main() {}\n"})


if __name__ == "__main__":
    unittest.main()
