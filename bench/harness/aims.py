# bench/harness/aims.py: what a contender is to reach, and whether it does.
# Two contenders are compared round by round, because the machine is nearly the same for both within a round and is not
# from minute to minute; the median of these ratios is what an aim is held against.

from harness.stats import Summary


class Verdict:
    """What was measured, in words, and whether the aim holds; None where there was nothing to compare."""

    def __init__(self, found, holds):
        self.found = found
        self.holds = holds

    def __str__(self):
        return {True: "holds", False: "missed", None: "not measured"}[self.holds]


class Takes:
    """An operation of `who` takes at most `ns` nanoseconds."""

    def __init__(self, who, ns):
        self._who = who
        self._ns = ns
        self.text = f"{who}: at most {ns:g} ns"

    def judge(self, workload, _):
        who = workload.get(self._who)
        if who is None:
            return Verdict("-", None)
        median = who.summary.median
        return Verdict(f"{median:.2f} ns", median <= self._ns)


class Beats:
    """`who` is at least `times` as fast as the best of `peers`, or of everybody else."""

    def __init__(self, who, times, peers=None, whom="the best peer"):
        self._who = who
        self._times = times
        self._peers = peers
        self.text = f"{who}: at least {times:g} × as fast as {whom if peers is None else ', '.join(peers)}"

    def judge(self, workload, _):
        who = workload.get(self._who)
        names = [name for name in workload if name != self._who] if self._peers is None else self._peers
        peers = [workload[name] for name in names if name in workload]
        if who is None or not peers:
            return Verdict("-", None)
        ratio, peer = min(((speed(who, peer).median, peer) for peer in peers), key=lambda pair: pair[0])
        return Verdict(f"{ratio:.2f} × {peer.name}", ratio >= self._times)


class Within:
    """An operation of `who` takes at most `times` as long as one of `whose`, here or in the workload `there`."""

    def __init__(self, who, times, whose, there=None):
        self._who = who
        self._times = times
        self._whose = whose
        self._there = there
        self.text = f"{who}: at most {times:g} × as long as {whose}" + (f" in {there}" if there else "")

    def judge(self, workload, workloads):
        who = workload.get(self._who)
        other = (workloads.get(self._there, {}) if self._there else workload).get(self._whose)
        if who is None or other is None:
            return Verdict("-", None)
        ratio = who.summary.median / other.summary.median if self._there else speed(other, who).median
        return Verdict(f"{ratio:.2f} ×", ratio <= self._times)


class Measured:
    """One contender of a workload: nanoseconds an operation, round by round, None where the round was refused."""

    def __init__(self, name, samples):
        self.name = name
        self.samples = samples

    @property
    def summary(self):
        return Summary([sample for sample in self.samples if sample is not None])

    @property
    def rounds(self):
        return len(self.samples)


def speed(who, other):
    """How many times as fast as `other` was `who`, a Summary over the rounds that both have."""
    ratios = [theirs / ours for ours, theirs in zip(who.samples, other.samples)
              if ours is not None and theirs is not None]
    return Summary(ratios or [other.summary.median / who.summary.median])
