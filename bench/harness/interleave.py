# bench/harness/interleave.py: the order in which contenders take turns.
# A machine drifts. Whoever runs all of its rounds in one stretch is measured on another machine than its neighbour, and
# whoever always follows the same neighbour inherits what that one leaves behind: so each round is a new permutation.
# The seed is fixed, so that two runs differ by the machine alone.

import random


def interleave(rounds, contenders, seed=20):
    """Yields (round, contender): each contender once a round, each round in an order of its own."""
    shuffle = random.Random(seed).shuffle
    for turn in range(rounds):
        order = list(contenders)
        shuffle(order)
        for contender in order:
            yield turn, contender
