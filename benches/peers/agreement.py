"""Whether two engines gave the same training set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

#: What a column's name has in it where engines may round differently.
_ROUNDED = ("_avg_", "_stddev_", "_variance_", "late_share_", "precip_")

#: How far rounding may carry, relative to the value.
_TOLERANCE = 1e-9

#: Deviations of equal values are 0, or the rounding of sums of that size.
_SMALLEST = 1e-6


def check(ours: Path, theirs: Path, peer: str) -> str:
    """Says how well they agree.

    Raises `AssertionError` where a count, an integer sum, a least, greatest or last value differs in a bit, or
    anything else by more than rounding explains.
    """
    wanted, given = pq.read_table(ours), pq.read_table(theirs)
    missing = set(wanted.column_names) ^ set(given.column_names)
    assert not missing, f"{peer}: columns {sorted(missing)} are not in both"
    values = other_bits = 0
    for name in wanted.column_names:
        ours_column, theirs_column = wanted[name].combine_chunks(), given[name].cast(wanted[name].type).combine_chunks()
        if not any(part in name for part in _ROUNDED):
            assert ours_column.equals(theirs_column), f"{peer}: {name} differs, as rounding cannot explain"
        else:
            other_bits += _differing(ours_column, theirs_column, f"{peer}: {name}")
        values += len(ours_column) if "__" in name else 0
    return f"{values:,} values agree; {other_bits:,} of them but for rounding"


def _differing(ours: pa.Array, theirs: pa.Array, what: str) -> int:
    assert ours.is_null().equals(theirs.is_null()), f"{what}: nulls differ"
    left, right = (column.drop_null().to_numpy() for column in (ours, theirs))
    close = np.isclose(right, left, rtol=_TOLERANCE, atol=_SMALLEST)
    assert close.all(), f"{what}: {left[~close][0]!r} and {right[~close][0]!r}"
    return int((left.view(np.int64) != right.view(np.int64)).sum())
