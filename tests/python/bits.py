"""Columns compared by type, nulls and bits: −0.0 is not 0.0, and a NaN equals its like."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def difference(given: pa.Array, wanted: pa.Array) -> str | None:
    """What first tells two columns apart, in words; `None` where nothing does."""
    if given.type != wanted.type:
        return f"type {given.type}, wanted {wanted.type}"
    if len(given) != len(wanted):
        return f"{len(given)} rows, wanted {len(wanted)}"
    same = pc.equal(_comparable(given), _comparable(wanted)).fill_null(True)
    nulls_agree = pc.equal(given.is_null(), wanted.is_null())
    different = np.flatnonzero(~pc.and_(same, nulls_agree).to_numpy(zero_copy_only=False))
    if len(different) == 0:
        return None
    row = int(different[0])
    return f"row {row} is {given[row].as_py()!r}, wanted {wanted[row].as_py()!r} ({len(different)} rows differ)"


def _comparable(column: pa.Array) -> pa.Array:
    """The same column with values that `=` tells apart exactly where their bits differ."""
    if pa.types.is_float64(column.type):
        words = column.fill_null(0.0).to_numpy(zero_copy_only=False).view(np.int64)
        return pa.array(words, mask=column.is_null().to_numpy(zero_copy_only=False))
    if pa.types.is_list(column.type):
        # A list as the bytes of its items, whose widths are equal.
        assert column.type.value_type == pa.float64() and column.flatten().null_count == 0
        texts = [None if items is None else np.array(items, dtype=np.float64).tobytes() for items in column.to_pylist()]
        return pa.array(texts, pa.binary())
    return column
