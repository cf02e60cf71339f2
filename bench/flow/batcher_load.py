# bench/flow/batcher_load.py: how a batcher answers as the load on its backend grows: a table, and the curves as pictures.
#     python3 bench/flow/batcher_load.py [--build FOLDER] [--rounds N] [--json FILE] [--charts FOLDER]

import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.chart import Axis, line_chart
from harness.in_process import ROOT, positive
from harness.report import table_of
from harness.stats import Summary

FIGURES = {"throughput": ("answers/s", 0), "p50_us": ("p50 µs", 1), "p99_us": ("p99 µs", 1),
           "batch": ("items a batch", 1)}


def main():
    options = parse_options()
    program = options.build / "bench/flow/bench_batcher_load"
    if not program.exists():
        sys.exit(f"batcher_load: {program} is not built")
    rounds = [measure(program, options.milliseconds) for _ in range(options.rounds)]
    points = medians(rounds)
    print("## A backend of 100 µs a call and 1 µs an item, under load\n")
    print("\n".join(table(points)) + "\n")
    print("\n".join(f"- {line}" for line in verdicts(points)) + "\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"rounds": rounds, "medians": points}, indent=2) + "\n", encoding="utf-8")
    if options.charts:
        options.charts.mkdir(parents=True, exist_ok=True)
        for figure, title in (("p50_us", "Median latency, µs"), ("p99_us", "99th percentile of latency, µs")):
            (options.charts / f"batcher_{figure}.svg").write_text(chart(points, figure, title), encoding="utf-8")
        (options.charts / "batcher_throughput.svg").write_text(chart(points, "throughput", "Answers a second"),
                                                               encoding="utf-8")


def measure(program, milliseconds):
    done = subprocess.run([program, str(milliseconds)], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def medians(rounds):
    """One point for each way and load, in the order of the program."""
    return [{**each[0], **{figure: Summary([one[figure] for one in each]).median for figure in FIGURES}}
            for each in zip(*rounds)]


def table(points):
    head = ["load", "way", *[title for title, _ in FIGURES.values()]]
    rows = [[f"{point['load']:.0%}" if point["load"] else "256 tasks", point["way"],
             *[f"{point[figure]:,.{digits}f}" for figure, (_, digits) in FIGURES.items()]] for point in points]
    return table_of(head, rows, figures=range(2, 2 + len(FIGURES)))


def verdicts(points):
    at = {(point["way"], point["load"]): point for point in points}
    plain = at["unbatched", 0.1]["p50_us"]
    flooded = at["unbatched", 0.0]["throughput"]
    return [f"{way}: at 10 % load {at[way, 0.1]['p50_us'] / plain - 1:+.1%} of the unbatched p50 (aim: at most +5 %); "
            f"with 256 tasks {at[way, 0.0]['throughput'] / flooded:.1f} times the throughput (aim: 5)"
            for way in ("linger 1 ms", "natural", "adaptive")]


def chart(points, figure, title):
    lines = {}
    for point in points:
        if point["load"]:
            lines.setdefault(point["way"], []).append((100 * point["load"], point[figure]))
    return line_chart(title, Axis("load, % of what is served unbatched", log=True, ticks=[10, 20, 50, 100, 200, 300]),
                      Axis(title.split(",")[-1].strip() if "," in title else "1/s", log=True), lines)


def parse_options():
    parser = argparse.ArgumentParser(description="A batcher under growing load.")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--milliseconds", type=positive, default=150, help="length of a trial")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench", help="the build folder")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--charts", type=pathlib.Path, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    main()
