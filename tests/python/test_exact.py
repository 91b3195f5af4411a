"""The exact statistics that judge the engine are themselves judged, by rationals."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
from exact import ratios, root, roots


def _is_nearest_root(value: float, square: Fraction) -> bool:
    """Whether no double is nearer to the root: the middles on both sides enclose it."""
    below = (Fraction(value) + Fraction(float(np.nextafter(value, 0.0)))) / 2
    above = (Fraction(value) + Fraction(float(np.nextafter(value, np.inf)))) / 2
    return below**2 <= square <= above**2


def test_roots_are_the_nearest_doubles() -> None:
    chance = random.Random(13)
    cases = [(chance.randrange(1, 10 ** chance.randrange(1, 16)), chance.randrange(1, 10**7)) for _ in range(5_000)]
    numerators, denominators = (np.array(side, dtype=np.int64) for side in zip(*cases))
    for value, (numerator, denominator) in zip(roots(numerators, denominators), cases):
        assert _is_nearest_root(float(value), Fraction(numerator, denominator))
        assert root(numerator, denominator) == value


def test_ratios_round_once_beyond_the_doubles_integers() -> None:
    chance = random.Random(13)
    cases = [(chance.randrange(-(2**62), 2**62), chance.randrange(1, 2**62)) for _ in range(2_000)]
    numerators, denominators = (np.array(side, dtype=np.int64) for side in zip(*cases))
    expected = [numerator / denominator for numerator, denominator in cases]
    assert ratios(numerators, denominators).tolist() == expected
    assert ratios(np.array([5]), np.array([0])).tolist() == [0.0]
