"""Windows over events as DuckDB frames: aggregates at every row of a spine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


@dataclass(frozen=True)
class Span:
    """The events with time in (T − offset − width, T − offset]; without a width all up to T."""

    width_us: int | None
    offset_us: int = 0

    @property
    def frame(self) -> str:
        """The frame in SQL. Times are whole microseconds, so the open end is one of them later."""
        first = "UNBOUNDED" if self.width_us is None else str(self.offset_us + self.width_us - 1)
        last = "CURRENT ROW" if self.offset_us == 0 else f"{self.offset_us} PRECEDING"
        return f"RANGE BETWEEN {first} PRECEDING AND {last}"


@dataclass(frozen=True)
class Measure:
    """An aggregate in SQL over the columns of the events, within a span."""

    sql: str
    span: Span


def measure(db: duckdb.DuckDBPyConnection, events: str, key: str, measures: Mapping[str, Measure]) -> pa.Table:
    """One row for each row of table `spine`, in its order, with the measures as columns.

    `events` is a table with columns `t` (microseconds) and `key`; `spine` one with `number`, `t` and `key`.
    Events and spine rows stand on one timeline for each key; frames by RANGE take in all that share an
    instant, and a spine row itself has only nulls to give.
    """
    columns = ", ".join(
        f"{one.sql} OVER (PARTITION BY {key} ORDER BY t {one.span.frame}) AS {name}" for name, one in measures.items()
    )
    return db.sql(
        f"""
        WITH timeline AS (
            SELECT * FROM {events} UNION ALL BY NAME SELECT number, {key}, t FROM spine
        )
        SELECT number, {columns} FROM timeline QUALIFY number IS NOT NULL ORDER BY number
        """
    ).to_arrow_table()
