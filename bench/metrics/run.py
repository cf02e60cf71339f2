# bench/metrics/run.py: counting and recording, by one thread and by two at once.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Takes, Within
from harness.in_process import Subject, Workload, run

COUNTER, HISTOGRAM = "weir counter", "weir histogram"

run(Subject("metrics", "Counters and histograms", "bench_metrics", [
    Workload("counter alone", "One thread counts", COUNTER, Takes(COUNTER, 5)),
    Workload("counter together", "Two threads count on the same counter", COUNTER,
             Within(COUNTER, 0.6, COUNTER, there="counter alone")),
    Workload("histogram alone", "One thread records latencies", HISTOGRAM, Takes(HISTOGRAM, 5)),
    Workload("histogram together", "Two threads record latencies in the same histogram", HISTOGRAM,
             Within(HISTOGRAM, 0.6, HISTOGRAM, there="histogram alone")),
], notes=[
    "with two threads a figure is the time that passed over the operations of both, so who scales halves it",
    "the plain atomics and the mutex sort into the same 3776 buckets as weir's; prometheus-cpp has 20 and a sum",
]))
