#!/usr/bin/env python3
"""The pictures in docs/figures are those of the tables; they say what a table says, and the same each time."""
import json
import pathlib
import sys
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from harness.chart import FASTER, SLOWER, ratio_chart  # noqa: E402
from harness.charts import from_json, from_page, picture, pictures  # noqa: E402

PAGE = """## Queues

<!-- figures: queue -->

### One to one

| contender | ns | M/s | speed, ours = 1 | remarks |
| --- | ---: | ---: | ---: | --- |
| ours | 5.52 ± 1.27 | 181.2 ± 35.2 | 1.00 ± 0.00 |  |
| theirs | 7.68 ± 0.25 | 130.2 ± 4.4 | 0.70 ± 0.14 |  |
| quick | 2.76 ± 0.25 | 362.2 ± 4.4 | 2.00 ± 0.10 |  |
| absent | - | - | - | not installed |

## Kernels

<!-- figures: simd -->

| workload | weir, ns | the best peer | ns | weir is × as fast |
| --- | ---: | --- | ---: | ---: |
| sum | 10.00 | std::reduce | 40.00 | 4.00 ± 0.40 |
"""


def bars_of(workloads):
    return [(each.title, each.yardstick, each.bars) for each in workloads]


class Charts(unittest.TestCase):
    def test_the_pictures_of_the_page_are_fresh(self):
        drawn = pictures([ROOT / "docs/performance.md"])
        kept = {each.stem: each.read_text(encoding="utf-8") for each in (ROOT / "docs/figures").glob("*.svg")}
        for name in sorted(drawn):
            self.assertEqual(drawn[name], kept.get(name), f"{name}: run scripts/charts")
        shown = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
        for name in kept:
            self.assertIn(f"(figures/{name}.svg)", shown)

    def test_tables_are_read(self):
        found = from_page(PAGE)
        self.assertEqual([("One to one", "ours", [("theirs", 0.7, 0.14), ("quick", 2.0, 0.1)])], bars_of(found["queue"]))
        title, yardstick, [(name, ratio, spread)] = bars_of(found["simd"])[0]
        self.assertEqual(("sum", "weir", "std::reduce", 0.25), (title, yardstick, name, ratio))
        self.assertAlmostEqual(0.025, spread)

    def test_a_document_is_read(self):
        speed = lambda median, spread: {"speed": {"median": median, "spread": spread, "count": 9}}
        document = {"reports": [
            {"subject": "queue", "title": "One to one", "contenders": [
                {"name": "theirs", "summary": speed(0.7, 0.14)}, {"name": "ours", "summary": speed(1.0, 0.0)},
                {"name": "absent", "summary": {}}]},
            {"subject": "http", "title": "no yardstick", "contenders": [{"name": "a", "summary": {}}]}]}
        self.assertEqual({"queue": [("One to one", "ours", [("theirs", 0.7, 0.14)])]},
                         {name: bars_of(each) for name, each in from_json(json.dumps(document)).items()})

    def test_slower_goes_left_and_faster_right(self):
        tree = xml.etree.ElementTree.fromstring(picture("queue", from_page(PAGE)["queue"]))
        bars = {each.get("fill"): each for each in tree.iter("{http://www.w3.org/2000/svg}rect")}
        self.assertEqual({SLOWER, FASTER}, set(bars))
        ends = lambda bar: (float(bar.get("x")), float(bar.get("x")) + float(bar.get("width")))
        self.assertAlmostEqual(ends(bars[SLOWER])[1], ends(bars[FASTER])[0], delta=0.2)  # both begin at 1
        self.assertLess(ends(bars[SLOWER])[1] - ends(bars[SLOWER])[0], ends(bars[FASTER])[1] - ends(bars[FASTER])[0])

    def test_the_same_input_gives_the_same_bytes(self):
        groups = [("a", "b", [("c", 0.001, 0.5), ("d", 500, 1)])]
        self.assertEqual(ratio_chart("t", groups), ratio_chart("t", groups))

    def test_nothing_to_draw_is_said(self):
        self.assertRaises(ValueError, ratio_chart, "t", [("a", "b", [])])


if __name__ == "__main__":
    unittest.main()
