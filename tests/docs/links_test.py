#!/usr/bin/env python3
"""links.py finds a link to a file that is not there, and one to a heading that is not."""
import pathlib
import tempfile
import unittest

from links import check, links_of


class Links(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.put("docs/b.md", "# B\n\n## Where it is, and why\n\n```sh\n# no heading\n```\n\n## Twice\n\n## Twice\n")

    def tearDown(self):
        self.folder.cleanup()

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def wrong(self, text):
        self.put("a.md", text)
        return check(self.root)[0]

    def test_good_links_are_silent(self):
        self.assertEqual([], self.wrong("# A\n[b](docs/b.md), [why](docs/b.md#where-it-is-and-why), [here](#a), "
                                        "[folder](docs), [`code`](docs/b.md#twice-1), [out](https://semver.org)\n"))

    def test_a_file_that_is_not_there(self):
        self.assertEqual(["a.md:2: docs/c.md: there is no such file"], self.wrong("# A\n[c](docs/c.md)\n"))

    def test_a_heading_that_is_not_there(self):
        for anchor in ("no-heading", "twice-2"):
            self.assertEqual([f"a.md:1: docs/b.md#{anchor}: there is no such heading"],
                             self.wrong(f"[b](docs/b.md#{anchor})\n"))

    def test_a_picture_and_code_in_a_links_text_count(self):
        self.assertEqual(2, len(self.wrong("![p](docs/p.svg) and [`c`](docs/c.md)\n")))

    def test_code_is_no_link(self):
        self.assertEqual([], links_of("`[&](engine& its)` and `[x](y)`\n\n```cpp\n[x](y)\n```\n"))


if __name__ == "__main__":
    unittest.main()
