# bench/flow/run.py: coalescer and batcher, each in a program of its own; what is not built is left out.
# Their tables stand in coalescer_table.py and batcher_table.py.

import argparse
import contextlib
import importlib
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import postgres_server
from harness import report
from harness.in_process import ROOT, run


def main():
    """Hands all options on, but for --json, whose document holds what all programs have found."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench")
    mine, others = parser.parse_known_args()
    subjects = [importlib.import_module(table.stem).SUBJECT for table in sorted(HERE.glob("*_table.py"))]
    asks = {"-h", "--help"} & set(others)
    if not asks:
        subjects = [subject for subject in subjects if (mine.build / "bench/flow" / subject.program).exists()]
    if not subjects:
        sys.exit(f"bench flow: nothing is built in {mine.build}")
    server = contextlib.nullcontext() if asks else postgres_server.running()
    with tempfile.TemporaryDirectory() as scratch, server as address:
        if address:
            os.environ["WEIR_BENCH_POSTGRES"] = address
        documents = []
        for subject in subjects:
            documents.append(pathlib.Path(scratch) / f"{subject.program}.json")
            sys.argv[1:] = [*others, "--build", str(mine.build), "--json", str(documents[-1])]
            run(subject)
        if mine.json:
            report.join(mine.json, documents)


main()
