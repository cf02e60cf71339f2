#!/usr/bin/env python3
"""Draws how fast the contenders are beside ours, a picture a subject.

    charts.py [--out FOLDER] [FILE...]

A FILE is what `scripts/bench --json` has written, or a page with its tables; docs/performance.md, if none is named, whose
pictures stand in docs/figures. A test compares those with a fresh drawing.
"""
import argparse
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from harness.chart import ratio_chart  # noqa: E402

MANY = 15  # workloads, from which on only the best of the others is drawn


class Workload:
    """`bars` are (name, ratio, spread) of who is not the yardstick."""

    def __init__(self, title, yardstick, bars):
        self.title = title
        self.yardstick = yardstick
        self.bars = bars


def from_json(text):
    """The workloads of each subject of a document; those without a yardstick are left out."""
    subjects = {}
    for report in json.loads(text)["reports"]:
        rows = [(each["name"], each["summary"]) for each in report["contenders"] if "speed" in each["summary"]]
        ours = next((name for name, summary in rows
                     if summary["speed"]["median"] == 1 and summary["speed"]["spread"] == 0), None)
        if ours:
            bars = [(name, summary["speed"]["median"], summary["speed"]["spread"])
                    for name, summary in rows if name != ours]
            subjects.setdefault(report["subject"], []).append(Workload(report["title"], ours, bars))
    return subjects


def from_page(text):
    """The same of a page: a subject begins at `<!-- figures: NAME -->`, a workload's title stands above its table."""
    subjects, subject, title, head = {}, None, "", None
    for line in text.splitlines():
        if begins := re.match(r"<!-- figures: (\w+) -->", line):
            subject, title, head = begins.group(1), "", None
        elif heading := re.match(r"#+ (.*)", line):
            title, head = heading.group(1), None
            subject = None if line.startswith("## ") and subject in subjects else subject
        elif not line.startswith("|"):
            head = None
        elif subject:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if head is None:
                head = cells
                yardstick = next((cell[7:-4] for cell in cells if re.fullmatch(r"speed, .* = 1", cell)), None)
                if yardstick:
                    subjects.setdefault(subject, []).append(Workload(title, yardstick, []))
            elif cells[0].startswith("---"):
                continue
            elif yardstick and cells[0] != yardstick and "±" in cells[head.index(f"speed, {yardstick} = 1")]:
                ratio, spread = _pair(cells[head.index(f"speed, {yardstick} = 1")])
                subjects[subject][-1].bars.append((cells[0], max(ratio, 0.001), spread))
            elif "the best peer" in head:  # one line a workload, and the ratio is ours
                ratio, spread = _pair(cells[-1])
                subjects.setdefault(subject, []).append(
                    Workload(cells[0], "weir", [(cells[head.index("the best peer")], 1 / ratio, spread / ratio**2)]))
    return subjects


def _pair(cell):
    return [float(figure.replace(",", "")) for figure in cell.split("±")]


def picture(subject, workloads):
    if len(workloads) < MANY:
        return ratio_chart(f"{subject}: speed beside weir, of who is slower (left) and faster (right)",
                           [(each.title, each.yardstick, each.bars) for each in workloads])
    bars = []
    for each in workloads:
        if each.bars:
            name, ratio, spread = max(each.bars, key=lambda bar: bar[1])
            bars.append((f"{each.title}: {name}", ratio, spread))
    return ratio_chart(f"{subject}: speed of the best peer beside weir, slower (left) and faster (right)",
                       [("Each workload, and its best peer", "weir", bars)])


def pictures(files):
    """The SVG texts by subject."""
    subjects = {}
    for file in files:
        text = file.read_text(encoding="utf-8")
        for name, workloads in (from_json if file.suffix == ".json" else from_page)(text).items():
            subjects.setdefault(name, []).extend(workloads)
    return {name: picture(name, workloads) for name, workloads in subjects.items()
            if any(each.bars for each in workloads)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/figures")
    parser.add_argument("files", nargs="*", type=pathlib.Path, default=[ROOT / "docs/performance.md"])
    options = parser.parse_args()
    found = pictures(options.files)
    if not found:
        sys.exit("charts: there is nothing to draw")
    options.out.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(found.items()):
        (options.out / f"{name}.svg").write_text(text, encoding="utf-8")
        print(options.out / f"{name}.svg")


if __name__ == "__main__":
    main()
