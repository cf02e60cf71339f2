# bench/io/verdicts.py: what weir's servers are to reach beside the raw loops and everybody else.
# Two contenders are compared round by round, as the machine is nearly the same for both within one; where there are two
# raw loops of a backend, the better one counts, measure by measure.

from harness.stats import median


class Table:
    """What one stage has measured: `samples` maps a contender to its samples, a dict or None for each round."""

    def __init__(self, title, samples):
        self.title = title
        self.samples = {contender: taken for contender, taken in samples.items() if any(taken)}

    def of(self, kind, backend=None):
        return [c for c in self.samples if c.kind == kind and backend in (None, c.backend)]

    def value(self, contender, key):
        """None where it was not measured."""
        values = [sample[key] for sample in self.samples[contender] if sample and sample.get(key) is not None]
        return median(values) if values else None

    def ratio(self, one, other, key):
        """The median, over the rounds that both have, of one's figure to the other's; None without any."""
        pairs = [(a[key], b[key]) for a, b in zip(self.samples[one], self.samples[other]) if a and b and b[key]]
        return median([a / b for a, b in pairs]) if pairs else None


def at_most(table, key, limit, what, kind="weir"):
    """A line for each of weir's: its own figure against a limit."""
    for weir in table.of(kind):
        bound = limit[weir.backend] if isinstance(limit, dict) else limit
        found = table.value(weir, key)
        if found is not None:
            yield [table.title, f"{weir.name}: {what} at most {bound:g}", f"{found:,.3g}", holds(found <= bound)]


def beside_raw(table, key, what, most=None, least=None):
    """A line for each of weir's: how its figure stands to that of the better raw loop of its backend."""
    for weir in table.of("weir"):
        ratios = [(table.ratio(weir, raw, key), raw.name) for raw in table.of("raw", weir.backend)]
        ratios = [pair for pair in ratios if pair[0] is not None]
        if not ratios:
            continue
        ratio, name = max(ratios) if most is not None else min(ratios)
        bound = f"at most {most:g}" if most is not None else f"at least {least:g}"
        good = ratio <= most if most is not None else ratio >= least
        yield [table.title, f"{weir.name}: {what} {bound} × that of the raw loop", f"{ratio:.3f} × {name}", holds(good)]


def ahead(table, key, what, lower_is_better):
    """A line for each of weir's: whether it is ahead of all that is neither weir nor raw."""
    for weir in table.of("weir"):
        ratios = [(table.ratio(weir, other, key), other.name) for other in table.of("other")]
        ratios = [pair for pair in ratios if pair[0] is not None]
        if not ratios:
            continue
        ratio, name = max(ratios) if lower_is_better else min(ratios)
        yield [table.title, f"{weir.name}: {what} ahead of all others", f"{ratio:.3f} × {name}",
               holds(ratio < 1 if lower_is_better else ratio > 1)]


def holds(good):
    return "holds" if good else "missed"
