"""Arrow columns as the packed columns of a lookup's request."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ._wire import online_pb2 as wire
from .errors import InvalidArgument


def to_wire(name: str, values: pa.ChunkedArray) -> wire.Column:
    """One column; `name` is for errors.

    Raises `InvalidArgument` for a type that no join key and no request input has.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return to_wire(name, values.cast(kind.value_type))
    if pa.types.is_null(kind):
        # Nulls are of any type; which one is wanted, the server knows.
        return wire.Column(nulls=b"\1" * len(values))
    column = wire.Column()
    if values.null_count:
        column.nulls = bytes(values.is_null().cast(pa.uint8()).to_pylist())
    if pa.types.is_boolean(kind):
        column.bools.values.extend(_filled(values, False))
    elif kind == pa.int32():
        column.int32s.values.extend(_filled(values, 0))
    elif pa.types.is_integer(kind):
        column.int64s.values.extend(_filled(_cast(name, values, pa.int64()), 0))
    elif kind == pa.float32():
        column.floats.values.extend(_filled(values, 0.0))
    elif pa.types.is_floating(kind):
        column.doubles.values.extend(_filled(values.cast(pa.float64()), 0.0))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        column.strings.values.extend(_filled(values, ""))
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or kind == pa.binary_view():
        column.binaries.values.extend(_filled(values, b""))
    elif pa.types.is_date32(kind):
        column.dates.values.extend(_filled(values.cast(pa.int32()), 0))
    elif pa.types.is_timestamp(kind):
        micros = pc.floor_temporal(values, unit="microsecond") if kind.unit == "ns" else values
        column.timestamps.values.extend(_filled(micros.cast(pa.timestamp("us")).cast(pa.int64()), 0))
    else:
        raise InvalidArgument(f"column `{name}` has type {kind}, which no join key and no request input has; cast it")
    return column


def _cast(name: str, values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    try:
        return values.cast(kind)
    except pa.ArrowInvalid as error:
        raise InvalidArgument(f"column `{name}` does not fit {kind}: {error}") from error


def _filled(values: pa.ChunkedArray, empty: object) -> list[object]:
    """Python values; a null row still takes a place."""
    return [empty if value is None else value for value in values.to_pylist()]
