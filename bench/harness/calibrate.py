# bench/harness/calibrate.py: the round trip of a cache line between two cores, as it is at this moment.
# A hypervisor moves its guest's cores: the trip may take 60 ns in one minute and 1,300 in the next, and every figure
# that two cores produce together moves with it.

import subprocess


class Calibrator:
    """Runs the small program `pingpong` on two cores.

    Called, it returns nanoseconds, or None where there is nothing to measure: one core only, or no such program.
    """

    def __init__(self, program, cores):
        self._program = str(program)
        self._cores = tuple(cores)
        self.why_not = self._obstacle()

    def __call__(self):
        if self.why_not:
            return None
        first, second = self._cores
        done = subprocess.run([self._program, str(first), str(second)], check=True, timeout=30,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        return float(done.stdout)

    def _obstacle(self):
        if len(set(self._cores)) < 2:
            return "both sides share one core"
        try:
            subprocess.run([self._program, "--help"], check=True, timeout=30,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as trouble:
            return f"{self._program} does not run: {trouble}"
        return None
