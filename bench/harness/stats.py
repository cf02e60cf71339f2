# bench/harness/stats.py: median and spread of a few samples.
# Robust on purpose: one sample in five that met a noisy neighbour moves neither by more than its rank.

import statistics


class Summary:
    """The median of some samples and their spread, the median absolute deviation from it."""

    def __init__(self, samples):
        self.samples = list(samples)
        self.median = median(self.samples)
        self.spread = spread(self.samples)

    @property
    def count(self):
        return len(self.samples)


def median(samples):
    """Needs at least one sample."""
    return statistics.median(samples)


def spread(samples):
    """The median distance of the samples from their median. Needs at least one sample."""
    middle = median(samples)
    return median([abs(sample - middle) for sample in samples])
