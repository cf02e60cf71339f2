# bench/harness/test_harness.py: the harness against cores, clocks and programs of known behaviour.
# Run it as  python3 -B bench/harness/test_harness.py

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

HARNESS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HARNESS.parent))

from harness.aims import Beats, Measured, Takes, Within, speed
from harness.calibrate import Calibrator
from harness.cpu_time import CpuTime, peak_resident_bytes
from harness.gate import Gate
from harness.in_process import Results
from harness.interleave import interleave
from harness.machine import describe
from harness.process import Process
from harness.report import Column, Report, Row, join
from harness.seat import Seat, default_cores
from harness.stats import Summary, median, spread

ANY_SEAT = Seat(default_cores()[0], realtime=False)


class Trips:
    """A calibrator that returns what it was told, and counts the looks."""

    def __init__(self, *trips):
        self._trips = list(trips)
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return self._trips.pop(0)


def gate_over(*trips, **options):
    return Gate(Trips(*trips), sleep=lambda _: None, **{"limit": 2, "patience": 0, **options})


class Statistics(unittest.TestCase):
    def test_the_median_is_the_middle_of_odd_and_the_mean_of_the_middle_two_of_even(self):
        self.assertEqual(median([9, 1, 5]), 5)
        self.assertEqual(median([9, 1, 5, 7]), 6)

    def test_the_spread_is_the_median_distance_from_the_median(self):
        self.assertEqual(spread([1, 1, 2, 2, 4, 6, 9]), 1)
        self.assertEqual(spread([3]), 0)

    def test_one_wild_sample_of_five_moves_median_and_spread_by_no_more_than_a_rank(self):
        calm, wild = Summary([10, 11, 12, 13, 14]), Summary([10, 11, 12, 13, 14_000])
        self.assertEqual((wild.median, wild.spread), (calm.median, calm.spread))

    def test_no_samples_are_an_error_and_no_zero(self):
        with self.assertRaises(ValueError):
            Summary([])


class Order(unittest.TestCase):
    def test_each_contender_has_one_turn_a_round(self):
        turns = list(interleave(4, "abcde"))
        for round_ in range(4):
            self.assertEqual(sorted(who for turn, who in turns if turn == round_), list("abcde"))

    def test_rounds_differ_and_runs_do_not(self):
        turns = list(interleave(6, "abcde"))
        self.assertEqual(turns, list(interleave(6, "abcde")))
        orders = {tuple(who for turn, who in turns if turn == round_) for round_ in range(6)}
        self.assertGreater(len(orders), 3)


class GateOfSamples(unittest.TestCase):
    def test_good_round_trips_admit_the_first_sample(self):
        taken = gate_over(60, 100).take(lambda: "sample")
        self.assertEqual((taken.value, taken.before, taken.after), ("sample", 60, 100))

    def test_a_bad_round_trip_after_the_sample_has_it_taken_again(self):
        gate, values = gate_over(60, 121, 60, 120), iter([1, 2])
        self.assertEqual(gate.take(lambda: next(values)).value, 2)
        self.assertEqual(gate.refused, 1)

    def test_a_bad_round_trip_before_the_sample_has_it_taken_again(self):
        gate, values = gate_over(60, 60, 500, 60, 60, 60), iter([1, 2, 3])
        gate.take(lambda: next(values))
        self.assertEqual(gate.take(lambda: next(values)).value, 3)

    def test_the_tries_are_bounded_and_then_the_least_bad_sample_is_kept_but_not_admitted(self):
        gate, values = gate_over(60, 900, 60, 300, 60, 700, tries=3), iter([1, 2, 3])
        taken = gate.take(lambda: next(values))
        self.assertEqual(taken.value, 2)
        self.assertFalse(gate.admits(taken))
        self.assertEqual(gate.refused, 3)

    def test_the_spare_attempts_are_shared_by_all_samples(self):
        gate, values = gate_over(60, 900, 60, 900, 60, 900, tries=9, spare=1), iter([1, 2, 3])
        gate.take(lambda: next(values))
        gate.take(lambda: next(values))
        self.assertEqual(next(values, None), None)

    def test_a_bad_core_is_waited_for_before_a_sample_is_spent_on_it(self):
        trips = Trips(60, 60, 500, 500, 60, 60)
        pauses = []
        gate = Gate(trips, limit=2, patience=4, pause=0.5, sleep=pauses.append)
        gate.take(lambda: 1)
        taken = gate.take(lambda: 2)
        self.assertEqual((taken.before, taken.after, gate.refused), (60, 60, 0))
        self.assertEqual(pauses, [0.5, 0.5])

    def test_the_wait_for_a_bad_core_is_bounded(self):
        gate = gate_over(60, 60, 500, 500, 500, 500, patience=2, tries=1)
        gate.take(lambda: 1)
        self.assertEqual(gate.take(lambda: 2).value, 2)

    def test_a_better_round_trip_later_withdraws_an_earlier_admission(self):
        gate = gate_over(300, 300, 60, 60)
        early = gate.take(lambda: 1)
        self.assertTrue(gate.admits(early))
        gate.take(lambda: 2)
        self.assertFalse(gate.admits(early))

    def test_without_calibration_every_sample_is_admitted(self):
        gate = gate_over(None, None)
        taken = gate.take(lambda: 1)
        self.assertTrue(gate.admits(taken))
        self.assertIsNone(gate.best)

    def test_a_sample_that_fails_is_not_swallowed(self):
        with self.assertRaises(ZeroDivisionError):
            gate_over(60).take(lambda: 1 // 0)


class Calibration(unittest.TestCase):
    def test_one_core_or_no_program_is_a_reason_and_no_figure(self):
        for calibrate in (Calibrator("/bin/true", (0, 0)), Calibrator("/nonexistent/pingpong", (0, 1))):
            self.assertIsNone(calibrate())
            self.assertTrue(calibrate.why_not)

    def test_a_program_that_fails_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "pingpong")
            program.write_text("#!/bin/sh\n[ $1 = --help ]\n")
            program.chmod(0o755)
            with self.assertRaises(subprocess.CalledProcessError):
                Calibrator(program, (0, 1))()


class ChildProcess(unittest.TestCase):
    def test_it_runs_on_its_core_and_its_output_can_be_read(self):
        core = default_cores()[1]
        with Process([sys.executable, "-c", "import os; print(os.sched_getaffinity(0), os.environ['WORD'])"],
                     Seat(core, realtime=False), {"WORD": "here"}) as child:
            self.assertEqual(child.wait(20), 0)
            self.assertEqual(child.output().split(), [f"{{{core}}}", "here"])

    def test_it_is_ended_when_the_block_fails(self):
        with self.assertRaises(KeyboardInterrupt):
            with Process(["sleep", "60"], ANY_SEAT) as child:
                raise KeyboardInterrupt
        self.assertEqual(child.status, -signal.SIGTERM)

    def test_who_ignores_sigterm_is_killed(self):
        ignoring = ("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
                    "print(1, flush=True); time.sleep(60)")
        with Process([sys.executable, "-c", ignoring], ANY_SEAT, grace=0.2) as child:
            wait_until(lambda: child.output())
        self.assertEqual(child.status, -signal.SIGKILL)
        self.assertTrue(child.killed)

    def test_it_dies_with_a_driver_that_is_killed(self):
        driver = ("import sys, time; sys.path.insert(0, sys.argv[1]); from harness.process import Process;"
                  "from harness.seat import Seat, default_cores\n"
                  "with Process(['sleep', '60'], Seat(default_cores()[0], False)) as child:"
                  " print(child.pid, flush=True); time.sleep(60)")
        with Process([sys.executable, "-B", "-c", driver, HARNESS.parent], ANY_SEAT) as running:
            wait_until(lambda: running.output().strip())
            grandchild = int(running.output())
            os.kill(running.pid, signal.SIGKILL)
            wait_until(lambda: not is_alive(grandchild))

    def test_a_program_that_is_not_there_is_an_error(self):
        with self.assertRaises(FileNotFoundError):
            with Process(["/nonexistent/program"], ANY_SEAT):
                pass


class ProcessorTime(unittest.TestCase):
    def test_a_busy_child_uses_time_and_a_sleeping_one_does_not(self):
        with Process([sys.executable, "-c", "while True: pass"], ANY_SEAT) as busy:
            used = self.window(busy.pid)
            self.assertGreater(used.exact, 20e6)
            self.assertAlmostEqual(used.user + used.system, used.exact)
            self.assertGreater(used.user, used.system)
        with Process(["sleep", "60"], ANY_SEAT) as idle:
            time.sleep(0.1)  # it has started
            self.assertLess(self.window(idle.pid).exact, 5e6)

    def test_the_peak_is_that_of_the_child_and_not_of_who_forked_it(self):
        ballast = bytearray(64 << 20)
        with Process(["sleep", "60"], ANY_SEAT) as child:
            wait_until(lambda: pathlib.Path(f"/proc/{child.pid}/comm").read_text().strip() == "sleep")
            self.assertLess(peak_resident_bytes(child.pid), len(ballast) // 4)

    @staticmethod
    def window(pid):
        before = CpuTime.of(pid)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            time.sleep(0.05)
        return CpuTime.of(pid) - before


class Reporting(unittest.TestCase):
    def setUp(self):
        self.report = Report("toy", "A toy", {"machine": "this one"}, {"rounds": 3},
                             [Column("rate", "rate/s"), Column("cost", "cost µs", 2)],
                             [Row("fast | furious", {"rate": Summary([1000, 2000, 2100]), "cost": Summary([0.5])},
                                  [{"rate": 1000}]),
                              Row("absent", {}, notes=["not built"])],
                             ["a note"])

    def test_the_table_has_a_row_for_everyone_and_says_who_was_left_out(self):
        lines = self.report.markdown().splitlines()
        self.assertIn("| contender | rate/s | cost µs | remarks |", lines)
        self.assertIn("| fast \\| furious | 2,000 ± 100 | 0.50 ± 0.00 |  |", lines)
        self.assertIn("| absent | - | - | not built |", lines)
        self.assertIn("- machine: this one", lines)
        self.assertIn("- a note", lines)

    def test_the_documents_of_two_subjects_are_joined_in_order(self):
        with tempfile.TemporaryDirectory() as folder:
            one, both = pathlib.Path(folder, "one.json"), pathlib.Path(folder, "both.json")
            self.report.write_json(one)
            join(both, [one, one])
            reports = json.loads(both.read_text())["reports"]
        self.assertEqual([report["subject"] for report in reports], ["toy", "toy"])
        self.assertEqual(reports[0]["contenders"][0]["summary"]["rate"], {"median": 2000, "spread": 100, "count": 3})

    def test_compiler_and_flags_are_those_that_the_build_recorded(self):
        with tempfile.TemporaryDirectory() as folder:
            compiler = pathlib.Path(folder, "c++")
            compiler.write_text("#!/bin/sh\necho a compiler 1.2\necho more\n")
            compiler.chmod(0o755)
            pathlib.Path(folder, "compile_commands.json").write_text(json.dumps([
                {"file": "/src/bench/other.cpp", "command": "/nonexistent/c++ -O0 -c other.cpp"},
                {"file": "/src/bench/toy.cpp", "command": f"{compiler} -Wall -I/x -O3 -march=native -flto -c toy.cpp"},
            ]))
            machine = describe(folder, "bench/toy.cpp")
            nowhere = describe(folder, "bench/none.cpp")
        self.assertEqual((machine["compiler"], machine["flags"]), ("a compiler 1.2", "-O3 -march=native -flto"))
        self.assertEqual((nowhere["compiler"], nowhere["flags"]), ("unknown", "unknown"))


def measured(**samples):
    """A workload of contenders with these samples."""
    return {name: Measured(name, list(values)) for name, values in samples.items()}


class Aims(unittest.TestCase):
    def test_speed_is_compared_within_each_round(self):
        # Medians alone would say 2: the machine was twice as slow in most rounds of the one and in few of the other.
        slow_late, slow_early = Measured("a", [1, 2, 2]), Measured("b", [2, 4, 2])
        self.assertEqual(speed(slow_late, slow_early).samples, [2, 2, 1])
        self.assertEqual(speed(slow_late, slow_early).median, 2)
        self.assertEqual(speed(Measured("a", [1, 8, 8]), Measured("b", [3, 16, 8])).median, 2)

    def test_a_round_that_one_of_both_lacks_is_not_compared(self):
        self.assertEqual(speed(Measured("a", [1, None, 1]), Measured("b", [3, 100, None])).samples, [3])

    def test_without_a_common_round_the_medians_are_compared(self):
        self.assertEqual(speed(Measured("a", [2, None]), Measured("b", [None, 5])).median, 2.5)

    def test_the_best_peer_is_the_one_that_comes_closest(self):
        workload = measured(ours=[1, 1, 1], near=[2, 2, 2], far=[9, 9, 9])
        verdict = Beats("ours", 1.5).judge(workload, {})
        self.assertEqual((verdict.found, str(verdict)), ("2.00 × near", "holds"))
        self.assertEqual(str(Beats("ours", 2.5).judge(workload, {})), "missed")
        self.assertEqual(str(Beats("ours", 9, ["far"]).judge(workload, {})), "holds")

    def test_a_bound_in_nanoseconds_is_held_against_the_median(self):
        workload = measured(ours=[1, 2, 100])
        self.assertEqual(str(Takes("ours", 2).judge(workload, {})), "holds")
        self.assertEqual(str(Takes("ours", 1.9).judge(workload, {})), "missed")

    def test_a_bound_in_times_is_held_against_the_other_here_or_in_another_workload(self):
        workload, there = measured(ours=[3, 3, 3], raw=[2, 2, 2]), measured(ours=[5, 5, 5])
        self.assertEqual(str(Within("ours", 1.5, "raw").judge(workload, {})), "holds")
        self.assertEqual(str(Within("ours", 1.4, "raw").judge(workload, {})), "missed")
        across = Within("ours", 0.6, "ours", there="alone").judge(workload, {"alone": there})
        self.assertEqual((across.found, str(across)), ("0.60 ×", "holds"))

    def test_who_was_not_measured_is_no_failure_and_no_success(self):
        workload = measured(ours=[1])
        for aim in (Takes("nobody", 1), Beats("nobody", 1), Beats("ours", 1), Beats("ours", 1, ["nobody"]),
                    Within("ours", 1, "nobody"), Within("ours", 1, "ours", there="nowhere")):
            self.assertEqual(str(aim.judge(workload, {})), "not measured")


class InProcess(unittest.TestCase):
    LINES = [
        "a warning",
        '{"workload":"w","contender":"ours","samples":[1,9,1],"trips":[100,251,250]}',
        '{"workload":"w","contender":"far","samples":[7,8],"trips":[900,900]}',
        '{"workload":"w","contender":"theirs","absent":"not installed"}',
        '{"workload":"unknown","contender":"ours","samples":[4]}',
        '{"workload":"v","contender":"ours","samples":[4,5]}',
        '{"workload":"v","contender":"ours twice","samples":[2,4]}',
    ]
    DRIVER = """
        import sys
        sys.path.insert(0, sys.argv.pop(1))
        from harness.aims import Takes
        from harness.in_process import Subject, Workload, run
        run(Subject("toy", "A toy", "program", [Workload("w", "The title", "ours", Takes("ours", 2), Takes("far", 2)),
                                                Workload("v", "Twins", "ours", twins={"ours twice": "ours", "no": "one"}),
                                                Workload("not run", "Nothing", "ours", Takes("ours", 2))],
                    compact=COMPACT))
    """

    def test_samples_taken_while_the_cores_were_far_apart_do_not_count_unless_there_are_no_others(self):
        results = Results(self.LINES)
        self.assertEqual(results.best_trip, 100)
        self.assertEqual(results.workloads["w"]["ours"].samples, [1, None, 1])
        self.assertEqual(results.workloads["w"]["far"].samples, [7, 8])
        self.assertEqual(results.workloads["v"]["ours"].samples, [4, 5])

    def test_who_is_absent_has_a_reason_and_other_lines_are_remarks(self):
        results = Results(self.LINES)
        self.assertEqual((results.absent["w"], results.remarks), ({"theirs": "not installed"}, ["a warning"]))

    def test_a_driver_prints_a_table_a_workload_and_the_aims_and_no_missed_aim_fails_it(self):
        text, reports = self.drive("\n".join(["cat <<'END'", *self.LINES, "END"]))
        self.assertIn("### The title", text)
        self.assertIn("| ours | 1.00 ± 0.00 | 1,000.0 ± 0.0 | 1.00 ± 0.00 | 2 of 3 samples admitted |", text)
        self.assertIn("| theirs | - | - | - | not installed |", text)
        self.assertIn("| w | ours: at most 2 ns | 1.00 ns | holds |", text)
        self.assertIn("| w | far: at most 2 ns | 7.50 ns | missed |", text)
        self.assertIn("| contender | ns | M/s | speed, ours = 1 | speed-up | remarks |", text)
        self.assertIn("| ours twice | 3.00 ± 1.00 | 375.0 ± 125.0 | 1.62 ± 0.38 | 1.62 ± 0.38 |  |", text)
        self.assertIn("| ours | 4.50 ± 0.50 | 225.0 ± 25.0 | 1.00 ± 0.00 | - |  |", text)
        self.assertIn("### unknown", text)
        self.assertNotIn("Nothing", text)
        self.assertIn("- a warning", text)
        self.assertEqual([report["title"] for report in reports], ["The title", "Twins", "unknown"])

    def test_many_small_workloads_share_a_table_with_a_line_for_each(self):
        text, _ = self.drive("\n".join(["cat <<'END'", *self.LINES, "END"]), compact=True)
        self.assertIn("| The title | 1.00 | far | 7.50 | 7.00 ± 0.00 |", text)
        self.assertNotIn("### The title", text)

    def test_a_program_that_fails_or_measures_nothing_fails_the_run(self):
        for script in ("\n".join(["cat <<'END'", *self.LINES, "END", "exit 3"]), "true"):
            with self.assertRaises(subprocess.CalledProcessError):
                self.drive(script)

    def drive(self, script, compact=False):
        driver = textwrap.dedent(self.DRIVER).replace("COMPACT", str(compact))
        with tempfile.TemporaryDirectory() as folder:
            program, out = pathlib.Path(folder, "bench/toy/program"), pathlib.Path(folder, "out.json")
            program.parent.mkdir(parents=True)
            program.write_text("#!/bin/sh\n" + script + "\n")
            program.chmod(0o755)
            done = subprocess.run([sys.executable, "-B", "-c", driver, HARNESS.parent, "--build", folder,
                                   "--json", out], check=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
            return done.stdout, json.loads(out.read_text())["reports"]


COMPILER = shutil.which(os.environ.get("CXX", "c++"))


@unittest.skipUnless(COMPILER, "no C++ compiler")
class MicroBenchmarks(unittest.TestCase):
    PROGRAM = r"""
        #include <harness/child.hpp>
        #include <harness/measure.hpp>
        #include <harness/race.hpp>
        #include <memory>
        using namespace std::chrono_literals;

        struct short_one { static constexpr auto name = "short"; static constexpr auto pause = 50us; };
        struct long_one { static constexpr auto name = "long"; static constexpr auto pause = 2ms; };
        struct missing { static constexpr auto name = "missing"; static constexpr auto absent = "for a reason"; };
        struct asked : short_one {
            static constexpr auto name = "asked";
            static std::string absent() { return "none"; }
        };

        int main(int argc, char** argv) {
            auto const chosen = bench::settings_of(argc, argv);
            bench::measure<short_one, missing, asked, long_one>("sleep", chosen, []<class Sleeper> {
                return [](std::uint64_t times) {
                    for (; times != 0; --times) std::this_thread::sleep_for(Sleeper::pause);
                };
            });
            bench::suite own{"own clock", chosen};
            own.add("seven", [](std::uint64_t times) { return 7.0 * static_cast<double>(times); });
            own.run();
            bench::suite parted{"in parts", chosen.per(2)};
            parted.add("half of seven", [](std::uint64_t times) { return 7.0 * static_cast<double>(times); });
            parted.run();
            bench::suite unwanted{"other", chosen};
            unwanted.add("never", [](std::uint64_t) { std::abort(); });
            if (!chosen.only.empty()) unwanted.run();

            // The earlier one ends first, while the later one still runs.
            std::string const echo{"while read n; do echo $n $n; done"};
            auto earlier = std::make_unique<bench::child>("/bin/sh", std::vector<std::string>{"-c", echo});
            bench::child later{"/bin/sh", {"-c", echo}};
            bool const echoed = earlier->run(3).sum == 3 && later.run(4).took == 4;
            earlier.reset();
            if (!echoed) return 1;

            // Two that wait for each other, and so are there at the same time, and the longer of which counts.
            std::atomic<int> there{0};
            auto const meet = [&](auto pause) {
                return [&, pause] {
                    for (++there; there != 2;) std::this_thread::yield();
                    std::this_thread::sleep_for(pause);
                };
            };
            double const took = bench::race({{meet(1ms), {}}, {meet(5ms), {}}});
            return bench::median({4, 1, 2, 3}) == 2.5 && bench::spread({1, 1, 2, 2, 4, 6, 9}) == 1 && took > 5e6 ? 0 : 1;
        }
    """

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        source, cls.program = pathlib.Path(cls.folder.name, "suite.cpp"), pathlib.Path(cls.folder.name, "suite")
        source.write_text(cls.PROGRAM)
        subprocess.run([COMPILER, "-std=c++20", "-O1", "-pthread", f"-I{HARNESS.parent}",
                        f"-I{HARNESS.parents[1] / 'include'}", source, "-o", cls.program], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def entries(self, *options):
        done = subprocess.run([self.program, "--rounds", "3", "--sample-ms", "20", *options], check=True,
                              stdout=subprocess.PIPE, text=True, timeout=60)
        return {entry["contender"]: entry for entry in map(json.loads, done.stdout.splitlines())}

    def test_a_suite_prints_a_line_of_nanoseconds_for_each_contender(self):
        found = self.entries()
        short, long = found["short"], found["long"]
        self.assertEqual((short["rounds"], long["rounds"], len(short["samples"])), (3, 3, 3))
        self.assertGreater(short["median"], 50e3)
        self.assertGreater(long["median"], 2e6)
        self.assertGreater(short["times"], long["times"])
        self.assertEqual(median(short["samples"]), short["median"])

    def test_who_is_absent_is_printed_with_the_reason(self):
        found = self.entries()
        self.assertEqual((found["missing"]["absent"], found["asked"]["absent"]), ("for a reason", "none"))

    def test_a_body_that_returns_its_time_is_believed(self):
        self.assertEqual(self.entries()["seven"]["median"], 7)

    def test_what_an_operation_consists_of_is_told_by_the_part(self):
        self.assertEqual(self.entries()["half of seven"]["median"], 3.5)

    def test_only_the_workloads_that_are_wanted_run(self):
        self.assertEqual(list(self.entries("--only", "own")), ["seven"])

    def test_an_option_that_is_not_known_is_refused(self):
        for options in (["--round", "1"], ["--rounds", "0"], ["--rounds", "1x"], ["--rounds"]):
            done = subprocess.run([self.program, *options], stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("usage", done.stderr)


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come true in time")
        time.sleep(0.01)


def is_alive(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


if __name__ == "__main__":
    unittest.main()
