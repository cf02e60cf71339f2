#!/usr/bin/env python3
"""single_include/generate_test.py: makes one file of tiny trees, and shows what stands in it, once, and where."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import generate

CORE, WHOLE = "weir/weir_core.hpp", "weir/weir.hpp"


def header(name, *lines):
    return "\n".join([f"// {name}: a word.", "#pragma once", "", *lines]) + "\n"


def includes(*names):
    return [f"#include <weir/{name}>" for name in names]


TREE = {
    "weir/weir.hpp": header("weir/weir.hpp", *includes("base.hpp", "io.hpp", "net.hpp", "flow.hpp")),
    "weir/base.hpp": header("weir/base.hpp", *includes("base/one.hpp", "base/two.hpp")),
    "weir/base/one.hpp": header("weir/base/one.hpp", "#include <vector>", "", "struct one {};"),
    "weir/base/two.hpp": header("weir/base/two.hpp", "#include <weir/base/one.hpp> // one", "", "#include <vector>",
                                "#include <string>", "", "struct two : one {};"),
    "weir/io.hpp": header("weir/io.hpp", *includes("io/fd.hpp")),
    "weir/io/fd.hpp": header("weir/io/fd.hpp", *includes("base/two.hpp"), "struct fd {};"),
    "weir/net.hpp": header("weir/net.hpp", *includes("net/tcp.hpp")),
    "weir/net/tcp.hpp": header("weir/net/tcp.hpp", *includes("io/fd.hpp"), "struct tcp {};"),
    "weir/flow.hpp": header("weir/flow.hpp", *includes("base/one.hpp"), "struct flow {};"),
}


def made(**changes):
    """The files of TREE with headers exchanged, by name without weir/ and with __ for a slash."""
    with tempfile.TemporaryDirectory() as root:
        write(root, **changes)
        return generate.generate(root)


def write(root, **changes):
    named = {f"weir/{name.replace('__', '/')}.hpp": text for name, text in changes.items()}
    (Path(root) / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    for name, text in {**TREE, **named}.items():
        path = Path(root) / "include" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def conditions_of(text, wanted):
    """The conditions round the one line that is `wanted`."""
    open_conditions, found = [], []
    for line in text.replace("\\\n", " ").splitlines():
        generate.turn(open_conditions, line)
        if line == wanted:
            found.append([condition for condition in open_conditions if generate.GUARD not in condition])
    assert len(found) == 1, f"{wanted}: {len(found)} times"
    return found[0]


class Generate(unittest.TestCase):
    def in_order(self, text, *lines):
        places = [text.split("\n").index(line) for line in lines]
        self.assertEqual(places, sorted(places), lines)

    def test_each_header_stands_once_behind_what_it_includes(self):
        text = made()[WHOLE]
        words = ["struct one {};", "struct two : one {};", "struct fd {};", "struct tcp {};"]
        self.in_order(text, *words)
        for word in words:
            self.assertEqual(text.count(word), 1, word)

    def test_nothing_of_ours_is_included_and_what_is_of_others_once(self):
        text = made()[WHOLE]
        self.assertNotIn("#include <weir/", text)
        self.assertEqual(text.count("#include <vector>"), 1)
        self.assertEqual(text.count("#include <string>"), 1)
        self.assertEqual(text.count("#pragma once"), 1)

    def test_the_core_is_what_does_not_reach_io(self):
        core = made()[CORE]
        self.assertIn("struct flow {};", core)
        self.assertNotIn("struct fd {};", core)
        self.assertNotIn("struct tcp {};", core)

    def test_the_whole_begins_with_the_core_behind_one_guard(self):
        files = made()
        core = files[CORE][files[CORE].index("#if !defined"):].rstrip()
        self.assertIn(core, files[WHOLE])
        self.assertTrue(core.endswith(f"#endif // {generate.GUARD}"))
        self.assertIn("struct fd {};", files[WHOLE].split(core)[1])

    def test_the_notice_of_the_license_stands_in_both(self):
        for text in made().values():
            self.assertIn("// Do as you like.\n", text)

    def test_an_optional_header_keeps_its_condition_and_what_it_includes_loses_it(self):
        text = made(
            base=header("weir/base.hpp", "#if __has_include(<x.h>) || \\", "    __has_include(<y.h>)",
                        *includes("base/two.hpp"), "#endif", *includes("base/one.hpp")),
            base__two=header("weir/base/two.hpp", "#include <string>", *includes("base/one.hpp"), "struct two {};"),
            io__fd=header("weir/io/fd.hpp", "#include <string>", "struct fd {};"))[WHOLE]
        self.assertEqual(conditions_of(text, "struct two {};"), ["#if __has_include(<x.h>) || __has_include(<y.h>)"])
        self.assertEqual(conditions_of(text, "struct one {};"), [])
        # What it includes of others may be missing there, and so is included again where it is needed.
        self.assertEqual(text.count("#include <string>"), 2)

    def test_an_optional_header_may_need_another_under_the_same_condition(self):
        optional = ["#if __has_include(<x.h>)", "{}", "#endif"]
        text = made(
            base=header("weir/base.hpp", *(line.format("#include <weir/base/two.hpp>") for line in optional)),
            flow=header("weir/flow.hpp", *(line.format("#include <weir/flow/three.hpp>") for line in optional)),
            flow__three=header("weir/flow/three.hpp", *includes("base/two.hpp"), "struct three {};"),
            io__fd=header("weir/io/fd.hpp", "struct fd {};"))[WHOLE]
        self.in_order(text, "struct two : one {};", "struct three {};")
        self.assertEqual(conditions_of(text, "struct three {};"), ["#if __has_include(<x.h>)"])

    def test_an_optional_header_that_others_need_always_is_refused(self):
        with self.assertRaisesRegex(generate.Refused, "weir/base/two.hpp stands under #if __has_include"):
            made(base=header("weir/base.hpp", "#if __has_include(<x.h>)", *includes("base/two.hpp"), "#endif"))

    def test_the_two_sides_of_a_condition_are_two_conditions(self):
        with self.assertRaises(generate.Refused):
            made(base=header("weir/base.hpp", "#if X", *includes("base/two.hpp"), "#endif"),
                 flow=header("weir/flow.hpp", "#if X", "#else", *includes("base/two.hpp"), "#endif"),
                 io__fd=header("weir/io/fd.hpp"))

    def test_conditions_that_differ_in_a_continued_line_are_two_conditions(self):
        with self.assertRaises(generate.Refused):
            made(base=header("weir/base.hpp", "#if X || \\", "    Y", *includes("base/two.hpp"), "#endif"),
                 flow=header("weir/flow.hpp", "#if X || \\", "    Z", *includes("base/two.hpp"), "#endif"),
                 io__fd=header("weir/io/fd.hpp"))

    def test_lines_that_are_no_directives_are_copied_as_they_are(self):
        body = ['auto text = R"(', "", "", '#pragma twice', ')";', "#define LONG \\", "    1"]
        text = made(base__one=header("weir/base/one.hpp", *body))[WHOLE]
        self.assertIn("\n".join(body), text)


class Check(unittest.TestCase):
    def run_in(self, root, *arguments):
        script = Path(root) / "single_include" / "generate.py"
        script.parent.mkdir(exist_ok=True)
        script.write_bytes(Path(generate.__file__).read_bytes())
        return subprocess.run([sys.executable, "-B", script, *arguments], capture_output=True, text=True, check=False)

    def test_what_was_just_generated_passes_and_a_changed_header_does_not(self):
        with tempfile.TemporaryDirectory() as root:
            write(root)
            self.assertNotEqual(self.run_in(root, "--check").returncode, 0)
            self.assertEqual(self.run_in(root).returncode, 0)
            self.assertEqual(self.run_in(root, "--check").returncode, 0)
            write(root, flow=header("weir/flow.hpp", "struct flow { int more; };"))
            stale = self.run_in(root, "--check")
            self.assertNotEqual(stale.returncode, 0)
            self.assertIn("weir/weir_core.hpp, weir/weir.hpp", stale.stderr)
            # --check wrote nothing.
            self.assertNotEqual(self.run_in(root, "--check").returncode, 0)


if __name__ == "__main__":
    unittest.main()
