#!/usr/bin/env python3
"""tests/model/labels_test.py: breaks one rule of the labels in a tiny tree, and shows that labels.py finds just that."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import labels

HEADER = """// weir/queue/two.hpp: a word.
inline void give() noexcept { word_.store(1, release); } // [given]
inline bool take() noexcept {
    // [given] the comment above counts
    return word_.exchange(0, acquire) == 1;
}
inline bool look() noexcept { return word_.load(relaxed) == 1; } // a hint
"""
DOCUMENT = """| label | files | releases | acquires | what it protects | model |
|---|---|---|---|---|---|
| `[given]` | `queue/two.hpp` | give | take | the gift | two |
"""


def found(header=HEADER, document=DOCUMENT):
    return labels.breaches({"queue/two.hpp": header}, document)


class Labels(unittest.TestCase):
    def changed(self, old, new):
        self.assertIn(old, HEADER)
        return found(HEADER.replace(old, new))

    def test_a_sound_pair_passes(self):
        self.assertEqual(found(), [])

    def test_an_order_without_a_label_is_found(self):
        self.assertEqual(self.changed("// [given] the comment above counts", "// no label"), [
            "include/weir/queue/two.hpp:5: an order without a label",
            "include/weir/queue/two.hpp:2: [given] has no acquiring side"])

    def test_a_label_with_one_side_is_found(self):
        self.assertEqual(self.changed("word_.store(1, release); } // [given]", "word_.store(1, relaxed); }"),
                         ["include/weir/queue/two.hpp:5: [given] has no releasing side"])

    def test_a_pair_may_stand_in_two_files(self):
        both = {"queue/two.hpp": HEADER.replace("word_.store(1, release); } // [given]", "}"),
                "queue/other.hpp": "void give() { word_.store(1, release); } // [given]\n"}
        document = DOCUMENT.replace("`queue/two.hpp`", "`queue/two.hpp` `queue/other.hpp`")
        self.assertEqual(labels.breaches(both, document), [])

    def test_what_the_index_misses_is_found(self):
        self.assertEqual(found(document=""), ["docs/memory_model.md:1: the index misses [given] of queue/two.hpp"])

    def test_what_the_index_invents_is_found(self):
        more = DOCUMENT + "| `[gone]` | `queue/two.hpp` | a | b | c | d |\n"
        self.assertEqual(found(document=more),
                         ["docs/memory_model.md:1: the index names [gone] of queue/two.hpp, which has none"])


if __name__ == "__main__":
    unittest.main()
