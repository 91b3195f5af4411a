"""Statistics of whole numbers, each the exact rational result rounded once.

Shares nothing with the engine: integer sums come in, Python's integers and Fractions decide.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Integers up to here are doubles exactly, so that dividing two of them rounds once.
_EXACT_LIMIT = 2**53

#: Steps of the last place of a double within which an extended root does not prove how the double rounds.
_DISPUTED = 2.0**-8


def ratios(numerators: Integers, denominators: Integers) -> Floats:
    """n / d, correctly rounded; 0 where d is 0, for the caller to mask."""
    safe = np.where(denominators == 0, 1, denominators)
    result = numerators.astype(np.float64) / safe.astype(np.float64)
    large = (np.abs(numerators) >= _EXACT_LIMIT) | (safe >= _EXACT_LIMIT)
    for row in np.flatnonzero(large):
        # Python divides integers of any size with one rounding.
        result[row] = int(numerators[row]) / int(safe[row])
    return np.where(denominators == 0, 0.0, result)


def sample_variance(counts: Integers, sums: Integers, squares: Integers) -> tuple[Integers, Integers]:
    """Numerators and denominators of (n·Σx² − (Σx)²) / (n·(n − 1)); the denominator is 0 for n < 2."""
    largest = int(counts.max(initial=0)) * int(squares.max(initial=0))
    assert largest < 2**63, "sums of these data fit 64 bits"
    return counts * squares - sums * sums, counts * (counts - 1)


def roots(numerators: Integers, denominators: Integers) -> Floats:
    """√(n / d), rounded once from the exact quotient; 0 where d is 0, for the caller to mask."""
    safe = np.where(denominators == 0, 1, denominators)
    wide = np.sqrt(numerators.astype(np.longdouble) / safe.astype(np.longdouble))
    result = wide.astype(np.float64)
    if np.finfo(np.longdouble).nmant >= 63:
        # The extended root is off by at most two of its own last places: 2⁻¹⁰ of a double's. Only near the
        # middle between two doubles can that change the double.
        step = np.spacing(result)
        from_middle = np.abs(np.abs((wide - result) / step).astype(np.float64) - 0.5)
        disputed = from_middle < _DISPUTED
    else:
        disputed = np.ones(len(result), dtype=bool)
    for row in np.flatnonzero(disputed & (numerators != 0)):
        result[row] = root(int(numerators[row]), int(safe[row]))
    return np.where(denominators == 0, 0.0, result)


def root(numerator: int, denominator: int) -> float:
    """√(n / d) of positive integers, correctly rounded."""
    # Scale by an even power of two until the integer root has more than a double's 53 bits; what the root leaves
    # over only matters as being there, as one more bit. Python then rounds the integer to a double once.
    shift = max(0, 2 * 56 + denominator.bit_length() - numerator.bit_length())
    shift += shift % 2
    scaled = numerator << shift
    whole = math.isqrt(scaled // denominator)
    inexact = whole * whole * denominator != scaled
    return math.ldexp(float(2 * whole + inexact), -shift // 2 - 1)
