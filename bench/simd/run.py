# bench/simd/run.py: kernels on a kibibyte, a mebibyte and short texts.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats
from harness.in_process import Subject, Workload, run


def aimed(workload, aim):
    return Workload(workload, workload, "weir", aim)


run(Subject("simd", "Kernels on vectors of a register's width", "bench_simd", [
    aimed("sum_f32_1KiB", Beats("weir", 3, ["std::accumulate"])),
    aimed("sum_f32_1MiB", Beats("weir", 3, ["std::accumulate"])),
    aimed("find_byte_1KiB", Beats("weir", 0.9, ["memchr"])),
    aimed("find_byte_1MiB", Beats("weir", 0.9, ["memchr"])),
], notes=["an operation is one call on the whole row or text"], rounds=11, sample_ms=5, compact=True))
