#!/usr/bin/env python3
"""scripts/docs builds the site without a warning, it has what it should have, and a broken link fails it.

    site_test.py        77 where Doxygen 1.9.4 or the theme is not installed: each version warns of something else
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs/site"))
from page import Site  # noqa: E402


def build(root, site):
    return subprocess.run([root / "scripts/docs", site], capture_output=True, text=True, check=False)


class Built(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.site = pathlib.Path(cls.folder.name) / "site"
        done = build(ROOT, cls.site)
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def text(self, name):
        """What a reader of a page sees."""
        whole = (self.site / name).read_text(encoding="utf-8")
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", whole.partition('<div class="contents">')[2]))

    def test_every_page_is_there_and_in_the_menu(self):
        menu = (ROOT / "docs/site/layout.xml").read_text(encoding="utf-8")
        for path, name in Site(ROOT).pages.items():
            self.assertTrue((self.site / f"{name}.html").exists(), path)
            if name != "index":
                self.assertIn(f'"@ref {name}"', menu, path)

    def test_the_front_page_is_the_readme(self):
        self.assertIn("header-only C++20 library of coroutine concurrency", self.text("index.html"))
        self.assertTrue((self.site / "coalescing_and_batching.svg").exists())

    def test_the_reference_has_the_folders(self):
        overview = self.text("modules.html")
        for folder in (ROOT / "include/weir").iterdir():
            if folder.is_dir():
                self.assertTrue((self.site / f"group__{folder.name}__reference.html").exists(), folder.name)
                self.assertRegex(overview, rf"\b{folder.name}[A-Z]")

    def test_members_have_their_contract(self):
        page = self.text("classweir_1_1coalescer.html")
        for words in ("Many callers of one key share one flight", "invalidate_if", "handles to values stay good",
                      "Cancel leaves alone; the value goes to the others"):
            self.assertIn(words.replace(" ", ""), page.replace(" ", ""))
        self.assertRegex(self.text("classweir_1_1spsc.html"),
                         r"Threads: the producer only.*try_push_n.*Threads: the consumer only.*try_pop_n")
        self.assertIn("reaches all of them", self.text("group__coro__reference.html"))
        self.assertIn("find_sequence", self.text("group__simd__reference.html"))

    def test_only_public_names_are_shown(self):
        pages = [each.name for each in self.site.glob("*.html")]
        self.assertGreater(len(pages), 300)
        self.assertEqual([], [each for each in pages if "detail" in each])
        self.assertNotIn("seen_head_", self.text("classweir_1_1spsc.html"))
        self.assertFalse(any(self.site.glob("*promise__type.html")))

    def test_nothing_of_doxygens_language_is_left(self):
        for page in self.site.glob("*.html"):
            if "_source" not in page.name:
                text = self.text(page.name)
                for mark in ("@nl", "@label", "@code", "ilinebr", "&amp;lt;", "@ref"):
                    self.assertNotIn(mark, text, page.name)


class Broken(unittest.TestCase):
    def test_a_broken_link_fails_the_build(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder) / "weir"
            for part in ("docs", "include", "examples", "scripts"):
                shutil.copytree(ROOT / part, root / part)
            for each in [*ROOT.glob("*.md"), ROOT / "LICENSE"]:
                shutil.copy(each, root)
            with (root / "docs/dead_ends.md").open("a", encoding="utf-8") as page:
                page.write("\nSee [there](guide/nowhere.md) and [here](performance.md#no-such-heading).\n")
            done = build(root, pathlib.Path(folder) / "site")
        self.assertNotEqual(0, done.returncode)
        self.assertIn("nowhere_docsguidenowheremd", done.stderr)
        self.assertIn("performance_no-such-heading", done.stderr)


if __name__ == "__main__":
    doxygen = shutil.which("doxygen")
    version = subprocess.run([doxygen, "--version"], capture_output=True, text=True, check=True).stdout if doxygen else ""
    if not version.startswith("1.9.4") or not pathlib.Path("/usr/share/doxygen-awesome-css").exists():
        print("skipped: Doxygen 1.9.4 and its theme are not installed")
        sys.exit(77)
    unittest.main()
