"""Rows in whatever form a caller has them, as Arrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

import pyarrow as pa

from .errors import InvalidArgument

if TYPE_CHECKING:
    import pandas
    import polars

#: A pandas or polars frame, anything of Arrow's, a list of dicts (a row each) or a dict of lists (a column
#: each).
Rows = Union[
    "pandas.DataFrame",
    "polars.DataFrame",
    pa.Table,
    pa.RecordBatch,
    pa.RecordBatchReader,
    Sequence[Mapping[str, Any]],
    Mapping[str, Sequence[Any]],
]


def to_reader(rows: Rows, what: str) -> pa.RecordBatchReader:
    """`rows` as a stream of batches, without copying what is Arrow already.

    An index of pandas is no column and is left out; reset it to keep it. `what` names the argument in errors.
    """
    if isinstance(rows, pa.RecordBatchReader):
        return rows
    return to_table(rows, what).to_reader()


def to_table(rows: Rows, what: str) -> pa.Table:
    """`rows` as one table; see `to_reader`.

    >>> from thalweg.frames import to_table
    >>> to_table([{"carrier": "UA"}, {"carrier": "AA"}], "rows").to_pydict()
    {'carrier': ['UA', 'AA']}
    """
    try:
        table = _to_table(rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InvalidArgument(f"{what} cannot become Arrow columns: {error}") from error
    if table is None:
        raise InvalidArgument(
            f"{what} is a {type(rows).__name__}; give a pandas or polars DataFrame, an Arrow table, "
            "a list of dicts or a dict of lists"
        )
    # What a frame remembers of itself is no part of its rows: equal rows make equal training sets.
    return table.replace_schema_metadata(None)


def _to_table(rows: Any) -> pa.Table | None:
    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, pa.RecordBatch):
        return pa.Table.from_batches([rows])
    if isinstance(rows, pa.RecordBatchReader):
        return rows.read_all()
    if _is_of("pandas", rows):
        return pa.Table.from_pandas(rows, preserve_index=False)
    if _is_of("polars", rows):
        return rows.to_arrow()
    if isinstance(rows, Mapping):
        return pa.table(dict(rows))
    if hasattr(rows, "__arrow_c_stream__"):
        return pa.table(rows)
    if isinstance(rows, Sequence) and not isinstance(rows, (str, bytes)):
        return pa.Table.from_pylist([dict(row) for row in rows])
    return None


def _is_of(package: str, rows: object) -> bool:
    """Whether `rows` is a DataFrame of `package`, told without importing it."""
    return any(kind.__name__ == "DataFrame" and kind.__module__.split(".")[0] == package for kind in type(rows).__mro__)
