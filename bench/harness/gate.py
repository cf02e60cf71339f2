# bench/harness/gate.py: refuses a sample that was taken while the cores were far apart.
# The limit is relative to the best round trip seen, so the gate knows no machine. That best may improve while samples
# are being taken; `admits` therefore judges a sample again, by what is known when it is asked.

import time


class Taken:
    """A sample with the round trips, in nanoseconds, that stood before and after it."""

    def __init__(self, value, before, after):
        self.value = value
        self.before = before
        self.after = after

    @property
    def worst(self):
        return None if self.before is None else max(self.before, self.after)


class Gate:
    """Takes samples between two calibrations and takes them again, a bounded number of times, when either is bad.

    calibrate  returns nanoseconds, or None when there is nothing to gate by: then every sample is admitted
    limit      how many times the best round trip is still good
    tries      the most attempts at one sample
    spare      the most attempts, over all samples, beyond the first of each
    patience   the most looks at bad cores, `pause` seconds apart, before a sample is attempted nevertheless
    """

    def __init__(self, calibrate, limit=2.5, tries=3, spare=20, patience=4, pause=0.5, sleep=time.sleep):
        if limit < 1 or tries < 1:
            raise ValueError("a gate needs limit >= 1 and tries >= 1")
        self._calibrate = calibrate
        self._limit = limit
        self._tries = tries
        self._spare = spare
        self._patience = patience
        self._pause = pause
        self._sleep = sleep
        self.best = None
        self.refused = 0

    def take(self, sample):
        """The first admitted Taken of `sample()`; when the attempts run out, the one with the shortest trips."""
        kept = None
        for attempt in range(self._tries):
            if attempt > 0:
                if self._spare == 0:
                    break
                self._spare -= 1
            before = self._wait_for_good()
            value = sample()
            taken = Taken(value, before, self._look())
            if self.admits(taken):
                return taken
            self.refused += 1
            if kept is None or taken.worst < kept.worst:
                kept = taken
        return kept

    def admits(self, taken):
        return taken.worst is None or taken.worst <= self._limit * self.best

    def _wait_for_good(self):
        trip = self._look()
        for _ in range(self._patience):
            if trip is None or trip <= self._limit * self.best:
                break
            self._sleep(self._pause)
            trip = self._look()
        return trip

    def _look(self):
        trip = self._calibrate()
        if trip is not None:
            self.best = trip if self.best is None else min(self.best, trip)
        return trip
