#!/usr/bin/env python3
"""tests/model/mutate_test.py [COMPILER]: mutate.py finds every order of a sample, and judges a mutant that must die, one
that must live, and what is said of them."""

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import mutate

COMPILER = sys.argv.pop(1) if len(sys.argv) > 1 else "g++"

SAMPLE = """// a header; head_.store(1, release) in a comment is none
void f(std::memory_order order = relaxed) {
    auto const own = tail_.load(relaxed); // own word
    tail_.store(next(own, 1), release);   // [ready]
    if (queue_.empty(seq_cst)) say("head_.store(1, release)");
    head_.store(1, seq_cst); // [asleep]
    auto const before = count_.fetch_sub(2, acq_rel); // [left]
    while (!of->lanes_[at(1)].compare_exchange_weak(now, f(now, 1), acq_rel,
                                                    acquire)) {} // [lane]
    head_.store(1, seq_cst);
    gate_.wait(old, acquire); // [wake]
    gate_.notify_one();
    store_load_fence();
    done_.exchange(true, acquire);
}
"""


def found(text=SAMPLE):
    return mutate.mutants_of("sample.hpp", text)


class Finding(unittest.TestCase):
    def test_every_order_is_weakened_and_nothing_else(self):
        self.assertEqual([(one.line, one.label, one.key()[2]) for one in found()], [
            (4, "ready", "release -> relaxed"),
            (5, "", "seq_cst -> acquire"),
            (6, "asleep", "seq_cst -> release"),
            (7, "left", "acq_rel -> acquire"),
            (7, "left", "acq_rel -> release"),
            (8, "", "acq_rel -> acquire"),
            (8, "", "acq_rel -> release"),
            (8, "", "compare-exchange -> store"),
            (9, "lane", "acquire -> relaxed"),
            (10, "", "seq_cst -> release #2"),
            (11, "wake", "acquire -> relaxed"),
            (12, "", "without notify_one"),
            (13, "", "without store_load_fence"),
            (14, "", "acquire -> relaxed"),
        ])

    def test_a_mutant_differs_at_its_place_only(self):
        for one in found():
            before = len(os.path.commonprefix([SAMPLE, one.text]))
            after = len(os.path.commonprefix([SAMPLE[before:][::-1], one.text[before:][::-1]]))
            self.assertEqual(SAMPLE.count("\n", 0, before) + 1, one.line)
            self.assertLess(len(SAMPLE) - before - after, 150)

    def test_a_compare_exchange_becomes_a_store_that_always_succeeds(self):
        store = next(one for one in found() if one.what == "compare-exchange -> store")
        self.assertIn("while (!(of->lanes_[at(1)].store(f(now, 1), release), true)) {} // [lane]", store.text)

    def test_lines_that_read_the_same_keep_different_keys(self):
        keys = [one.key() for one in found()]
        self.assertEqual(len(keys), len(set(keys)))


class Judging(unittest.TestCase):
    """With a real header: the first order of the ring is needed, and what changes nothing is not missed."""

    @classmethod
    def setUpClass(cls):
        cls.killed = next(mutate.chosen("queue/spsc.hpp"))
        cls.killed = (*cls.killed[:2], cls.killed[2][:1])

    def judge(self, targets, arguments):
        return mutate.score(targets, arguments, 1, COMPILER, out=lambda text: None)

    def survivor(self):
        """A target whose only mutant is no other than the header, and its key."""
        header, models, _ = self.killed
        text = (mutate.ROOT / "include/weir" / header).read_text(encoding="utf-8")
        at = text.index("load(relaxed)")
        one = mutate.Mutant(header, text, at, at + len("load(relaxed)"), "load(relaxed)", "relaxed -> relaxed")
        return (header, models, [one]), one.key()

    def test_a_needed_order_is_killed_and_an_argument_against_that_is_wrong(self):
        header, _, mutants = self.killed
        wrong, rows = self.judge([self.killed], {mutants[0].key(): "nobody needs it"})
        self.assertEqual(rows, [(header, 1, 0, 1)])
        self.assertEqual(len(wrong), 1)
        self.assertIn("is killed, but an argument says", wrong[0])

    def test_a_survivor_needs_an_argument_and_an_argument_a_survivor(self):
        target, key = self.survivor()
        wrong, rows = self.judge([target], {key: "it is the header itself"})
        self.assertEqual((wrong, rows), ([], [(target[0], 0, 1, 1)]))
        wrong, rows = self.judge([target], {(key[0], "x.load(acquire);", key[2]): "no such line"})
        self.assertEqual(rows, [(target[0], 0, 0, 1)])
        self.assertIn("survives, and nothing says why", wrong[0])
        self.assertIn("an argument without a mutant", wrong[1])


if __name__ == "__main__":
    unittest.main()
