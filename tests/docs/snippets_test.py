#!/usr/bin/env python3
"""snippets.py finds a block that has drifted from its source, one without a source, and a region that no page shows."""
import pathlib
import tempfile
import unittest

from snippets import check

SOURCE = "void f() {\n    //! [sum]\n    int const sum = 1 + 2;\n    use(sum);\n    //! [sum]\n}\n"
PAGE = "# A page\n\n<!-- tests/docs/sum.cpp [sum] -->\n```cpp\nint const sum = 1 + 2;\nuse(sum);\n```\n"
README = "# weir\n\n```cpp\nint main() {\n    return 0;\n}\n```\n"


class Snippets(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.put("tests/docs/sum.cpp", SOURCE)
        self.put("docs/guide/sum.md", PAGE)
        self.put("README.md", README)
        self.put("tests/contract/readme.cpp", "// a title\nint main() {\n    return 0;\n}\n")

    def tearDown(self):
        self.folder.cleanup()

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def complaints(self, write=False):
        return check(self.root, write)

    def test_what_agrees_is_not_spoken_of(self):
        self.assertEqual(self.complaints(), [])

    def test_a_block_that_has_drifted_is_found(self):
        self.put("docs/guide/sum.md", PAGE.replace("1 + 2", "1 + 3"))
        self.assertEqual(self.complaints(), ["docs/guide/sum.md:4: differs from tests/docs/sum.cpp [sum]"])

    def test_and_is_filled_anew_on_request(self):
        self.put("docs/guide/sum.md", PAGE.replace("int const sum = 1 + 2;\n", ""))
        self.assertEqual(self.complaints(write=True), [])
        self.assertEqual((self.root / "docs/guide/sum.md").read_text(encoding="utf-8"), PAGE)

    def test_a_block_names_its_source(self):
        self.put("docs/modules/more.md", "```cpp\nint const sum = 1 + 2;\n```\n")
        self.assertEqual(self.complaints(), ["docs/modules/more.md:1: a block that does not name its source"])

    def test_which_must_be_there(self):
        self.put("docs/guide/sum.md", PAGE + "\n<!-- tests/docs/sum.cpp [product] -->\n```cpp\n```\n")
        self.assertEqual(self.complaints(), ["docs/guide/sum.md:10: there is no region [product] in tests/docs/sum.cpp"])

    def test_a_region_that_no_page_shows_is_found(self):
        self.put("docs/guide/sum.md", "# Nothing\n")
        self.assertEqual(self.complaints(), ["tests/docs/sum.cpp: no page shows region [sum]"])

    def test_so_is_one_without_an_end(self):
        self.put("tests/docs/sum.cpp", SOURCE.replace("    //! [sum]\n}", "}"))
        self.assertIn("tests/docs/sum.cpp: line 2: region [sum] has no end", self.complaints())

    def test_the_readme_is_a_run_of_lines_of_a_program(self):
        self.put("README.md", README.replace("return 0", "return 1"))
        self.assertEqual(self.complaints(), ["README.md:3: a block that no compiled program has"])


if __name__ == "__main__":
    unittest.main()
