#!/usr/bin/env python3
"""tests/model/mutate.py [--jobs N] [--only HEADER] [--list] [--cxx COMPILER]: the mutation score of the models.

Weakens each memory order of the headers in COVERED, one at a time, turns each compare-exchange into a store, and leaves
out each notify and fence; then the models that include the header are built and run. A mutant is killed when one of them
fails, crashes or does not end. Those that survive must stand in survivors.toml with the argument why nothing is lost.
Prints killed/total, and fails when a survivor has no argument or an argument has no survivor.
"""

import argparse
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Each header and the models that may kill its mutants, the likeliest first. A new pair is a new line.
COVERED = {
    "cpu/spin_lock.hpp": ["spin_lock"],
    "queue/spsc.hpp": ["spsc"],
    "queue/mpsc.hpp": ["mpsc"],
    "queue/mpmc.hpp": ["mpmc"],
    "queue/deque.hpp": ["deque"],
    "queue/event_count.hpp": ["event_count"],
    "queue/blocking_queue.hpp": ["blocking_queue"],
    "memory/frame_pool.hpp": ["frame_pool"],
    "memory/free_list.hpp": ["buffer_pool"],
    "memory/object_pool.hpp": ["object_pool"],
    "memory/buffer_pool.hpp": ["buffer_pool"],
    "memory/shared_block.hpp": ["buffer_pool"],
    "coro/stop.hpp": ["stop", "waiter", "event"],
    "coro/waiter.hpp": ["waiter", "event", "mutex", "semaphore"],
    "coro/scope.hpp": ["scope"],
    "coro/child_value.hpp": ["child_value"],
    "coro/when_any.hpp": ["when_any"],
    "coro/sync_wait.hpp": ["run_loop"],
    "coro/fork_join.hpp": ["fork_join"],
    "cpu/posters.hpp": ["run_loop"],
    "sync/wait_queue.hpp": ["event", "mutex", "semaphore"],
    "channel/unbounded_tally.hpp": ["unbounded_channel"],
    "runtime/interrupt.hpp": ["interrupt"],
    "runtime/blocking_wait.hpp": ["blocking_pool"],
}

ORDERS = ("relaxed", "acquire", "release", "acq_rel", "seq_cst")
WEAKER = {  # by what the operation does
    "load": {"acquire": ["relaxed"], "seq_cst": ["acquire"]},
    "store": {"release": ["relaxed"], "seq_cst": ["release"]},
    "change": {"acquire": ["relaxed"], "release": ["relaxed"], "acq_rel": ["acquire", "release"], "seq_cst": ["acq_rel"]},
}
AS_STORE = {"relaxed": "relaxed", "acquire": "relaxed", "release": "release", "acq_rel": "release", "seq_cst": "seq_cst"}

NOT_CODE = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
NAME = r"[A-Za-z_]\w*(?:\[[^\]]*\]|\(\))*"
COMPARE_EXCHANGE = re.compile(rf"{NAME}(?:(?:\.|->){NAME})*?(?:\.|->)(?=compare_exchange_(?:weak|strong)\()")
FAST_LINKER = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []
LEFT_OUT = re.compile(r"(?:[A-Za-z_][\w.\[\]>-]*(?:\.|->)notify_(?:one|all)|\bstore_load_fence)\(\);")
LABEL = re.compile(r"//.*?\[([a-z][a-z_ ]*)\]")


def code_of(text):
    """The text with comments and strings blanked, each character at its place."""
    return NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def arguments(code, opening):
    """Where the arguments of a call are, given its opening parenthesis: [(begin, end)], and the closing one."""
    depth, begin, found = 0, opening + 1, []
    for at in range(opening, len(code)):
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
            if depth == 0:
                return found + [(begin, at)], at
        elif code[at] == "," and depth == 1:
            found.append((begin, at))
            begin = at + 1
    return found, len(code)


class Mutant:
    def __init__(self, header, text, begin, end, new, what):
        self.header, self.what = header, what
        self.text = text[:begin] + new + text[end:]
        self.line = text.count("\n", 0, begin) + 1
        lines = text.split("\n")
        self.code = " ".join(code_of(lines[self.line - 1]).split())
        label = LABEL.search(lines[self.line - 1])
        self.label = label.group(1) if label else ""
        self.twin = 0  # of those with the same code and mutation, in the order of the header

    def key(self):
        return (self.header, self.code, self.what + (f" #{self.twin + 1}" if self.twin else ""))

    def __str__(self):
        label = f" [{self.label}]" if self.label else ""
        return f"{self.header}:{self.line}{label} {self.key()[2]}: {self.code}"


def kind_of(function, place):
    """What a call does with an order that is its argument number `place`."""
    if function == "store":
        return "store"
    if function == "exchange" or function.startswith("fetch_") or (function.startswith("compare_") and place == 2):
        return "change"
    return "load"  # also wait, and functions that hand an order on to a load


def mutants_of(header, text):
    code = code_of(text)
    found = []
    for call in CALL.finditer(code):
        places, _ = arguments(code, call.end() - 1)
        for number, (begin, end) in enumerate(places):
            order = code[begin:end].strip()
            if order in ORDERS:
                begin += len(code[begin:end]) - len(code[begin:end].lstrip())
                for weaker in WEAKER[kind_of(call.group(1), number)].get(order, []):
                    found.append(Mutant(header, text, begin, begin + len(order), weaker, f"{order} -> {weaker}"))
    for call in COMPARE_EXCHANGE.finditer(code):
        opening = code.index("(", call.end())
        places, closing = arguments(code, opening)
        if len(places) != 4:
            continue
        desired, order = (code[begin:end].strip() for begin, end in (places[1], places[2]))
        new = f"({call.group()}store({desired}, {AS_STORE.get(order, order)}), true)"
        found.append(Mutant(header, text, call.start(), closing + 1, new, "compare-exchange -> store"))
    for statement in LEFT_OUT.finditer(code):
        what = re.sub(r".*(?:\.|->)", "", statement.group()).removesuffix("();")
        found.append(Mutant(header, text, statement.start(), statement.end(), "(void)0;", f"without {what}"))
    found.sort(key=lambda one: one.line)
    seen = {}
    for one in found:
        one.twin = seen.get((one.code, one.what), 0)
        seen[one.code, one.what] = one.twin + 1
    return found


def survivors(path):
    """The argument for each survivor, by key."""
    if not path.exists():
        return {}
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])
    return {(one["header"], one["code"], one["mutation"]): one["why"] for one in entries}


class Bench:
    """Builds and runs models against a header that stands before the real one on the include path."""

    def __init__(self, scratch, cxx):
        self.scratch, self.cxx = Path(scratch), cxx
        self.seconds = {}  # of each model with the real headers

    def build(self, model, headers, program):
        folders = [HERE / "seam"] + headers + [ROOT / "include", ROOT / "tests", HERE]
        command = [self.cxx, "-std=c++20", "-O1", "-w", *(f"-I{folder}" for folder in folders),
                   str(HERE / f"{model}.cpp"), "-o", str(program), *FAST_LINKER, "-lCatch2Main", "-lCatch2", "-pthread"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.stdout if done.returncode else None

    @staticmethod
    def run(program, seconds):
        """None when the program passed, else how it failed."""
        try:
            done = subprocess.run([str(program), "--abort"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace", timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return "no end"
        if done.returncode == 0:
            return None
        before, _, _ = done.stdout.partition("FAILED:")
        why = re.findall(r"executions, failed: (.*)", before)
        return why[-1] if why else f"exit {done.returncode}"

    def baseline(self, model):
        program = self.scratch / f"{model}.real"
        errors = self.build(model, [], program)
        if errors:
            sys.exit(f"mutate: {model}.cpp does not compile:\n{errors}")
        began = time.monotonic()
        why = self.run(program, 600)
        if why:
            sys.exit(f"mutate: {model} fails with the real headers: {why}")
        self.seconds[model] = time.monotonic() - began

    def judge(self, number, mutant, models):
        """(model, how it failed); (None, None) for a survivor."""
        folder = self.scratch / str(number)
        place = folder / "include/weir" / mutant.header
        place.parent.mkdir(parents=True)
        place.write_text(mutant.text, encoding="utf-8")
        for model in models:
            program = folder / model
            errors = self.build(model, [folder / "include"], program)
            if errors:
                return "compiler", errors
            why = self.run(program, 20 + 10 * self.seconds[model])
            program.unlink()
            if why:
                return model, why
        return None, None


def chosen(only, covered=None):
    """(header, its models, its mutants) for each that stands."""
    for header, models in (covered or COVERED).items():
        path = ROOT / "include/weir" / header
        standing = [model for model in models if (HERE / f"{model}.cpp").exists()]
        if only and only not in header:
            continue
        if path.exists() and standing:
            yield header, standing, mutants_of(header, path.read_text(encoding="utf-8"))


def score(targets, arguments_for, jobs, cxx, out=print):
    """Runs every mutant; gives what is wrong, as sentences, and the rows of the table."""
    wrong, rows, used = [], [], set()
    with tempfile.TemporaryDirectory(prefix="weir-mutate-") as scratch, ThreadPoolExecutor(jobs) as pool:
        bench = Bench(scratch, cxx)
        for model in sorted({model for _, models, _ in targets for model in models}):
            bench.baseline(model)
        number = 0
        for header, models, mutants in targets:
            verdicts = []
            for one in mutants:
                number += 1
                verdicts.append((one, pool.submit(bench.judge, number, one, models)))
            killed = argued = 0
            for one, verdict in verdicts:
                model, why = verdict.result()
                if model == "compiler":
                    wrong.append(f"{one}: does not compile:\n{why}")
                elif model:
                    killed += 1
                    out(f"killed    {one}\n          by {model}: {why}")
                elif one.key() in arguments_for:
                    argued += 1
                    used.add(one.key())
                    out(f"survives  {one}\n          {arguments_for[one.key()]}")
                else:
                    out(f"SURVIVES  {one}")
                    wrong.append(f"{one}: survives, and nothing says why")
                if model and one.key() in arguments_for:
                    used.add(one.key())
                    wrong.append(f"{one}: is killed, but an argument says that it survives")
            rows.append((header, killed, argued, len(mutants)))
    judged = {header for header, _, _ in targets}
    for key in arguments_for:
        if key[0] in judged and key not in used:
            wrong.append(f"{key[0]}: `{key[1]}`, {key[2]}: an argument without a mutant")
    return wrong, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=1, help="how many mutants at a time")
    parser.add_argument("--only", help="headers with this in their path")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    parser.add_argument("--cxx", default="g++", help="the compiler")
    options = parser.parse_args()

    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))  # a mutant may allocate without end
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    targets = list(chosen(options.only))
    if not targets:
        sys.exit("mutate: no such header, or no model of it")
    if options.list:
        for _, _, mutants in targets:
            print(*mutants, sep="\n")
        return
    began = time.monotonic()
    wrong, rows = score(targets, survivors(HERE / "survivors.toml"), options.jobs, options.cxx,
                        out=lambda text: print(text, flush=True))
    print()
    for header, killed, argued, total in rows:
        print(f"{header:28} {killed:3}/{total:<3} killed, {argued} survive with an argument")
    killed, argued, total = (sum(row[n] for row in rows) for n in (1, 2, 3))
    print(f"{'all':28} {killed:3}/{total:<3} killed, {argued} survive with an argument, {time.monotonic() - began:.0f} s")
    for each in wrong:
        print(f"WRONG     {each}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
