"""What the features of nyc13's service `delay_model` must be, computed without Thalweg.

DuckDB counts, adds up whole numbers, and finds greatest, least and latest events within exact windows;
Python finishes averages, variances and roots with one rounding.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from nyc13_views import VIEWS, View
from timeline import Measure, Span, measure

_LIFETIME = Span(None)

#: Each source's events: time, order among events of one instant, and whole numbers beside the doubles.
_SOURCES = {
    "departures": "epoch_us(dep_at) AS t, flight_id AS tie, dep_delay::BIGINT AS delay, (dep_delay > 15)::BIGINT AS late",
    "arrivals": "epoch_us(arr_at) AS t, flight_id AS tie, arr_delay::BIGINT AS delay, air_time::BIGINT AS aloft",
    "weather": "epoch_us(observed_at) AS t, file_row_number AS tie",
}
_WHOLE = {"departures": ["dep_delay"], "arrivals": ["arr_delay", "air_time"]}


def spine(data: Path) -> pa.Table:
    """A row for every departure: its entities and its instant."""
    with duckdb.connect() as db:
        return db.sql(
            f"""SELECT flight_id, carrier, origin, dest, tailnum, dep_at AS event_timestamp
            FROM read_parquet('{data}/departures.parquet', file_row_number = true) ORDER BY file_row_number"""
        ).to_arrow_table()


def expected(data: Path) -> dict[str, pa.Array]:
    """All feature columns and their statuses for `spine(data)`."""
    answer: dict[str, pa.Array] = {}
    with duckdb.connect() as db:
        db.execute(
            f"""CREATE TABLE spine AS SELECT file_row_number AS number, epoch_us(dep_at) AS t,
            carrier, origin, dest, tailnum
            FROM read_parquet('{data}/departures.parquet', file_row_number = true)"""
        )
        for source, columns in _SOURCES.items():
            file = f"read_parquet('{data}/{source}.parquet', file_row_number = true)"
            db.execute(f"CREATE TABLE {source} AS SELECT *, {columns} FROM {file}")
            _require_whole(db, source)
        for view in VIEWS:
            answer |= _columns(db, view)
    return answer


def _columns(db: duckdb.DuckDBPyConnection, view: View) -> dict[str, pa.Array]:
    # Events of a key stand side by side in their total order, so that a position names an event.
    db.execute(
        f"""CREATE OR REPLACE TABLE events AS SELECT * EXCLUDE (tie),
        row_number() OVER (ORDER BY {view.key}, t, tie) - 1 AS position FROM {view.source}"""
    )
    known, visible = Measure("count(position)", _LIFETIME), Measure("count(position)", view.ttl or _LIFETIME)
    wanted = [known, visible, *(one for feature in view.features.values() for one in feature.measures)]
    # Many columns share a count or a sum.
    names = {one: f"measure_{number}" for number, one in enumerate(dict.fromkeys(wanted))}
    table = measure(db, "events", view.key, {name: one for one, name in names.items()})
    measured = {one: table[name].combine_chunks() for one, name in names.items()}
    events = db.sql("SELECT * FROM events ORDER BY position").to_arrow_table()
    is_unknown, is_outside = (pc.equal(measured[one], 0) for one in (known, visible))
    columns: dict[str, pa.Array] = {}
    for name, feature in view.features.items():
        values = feature.finish([measured[one] for one in feature.measures], events)
        columns[f"{view.name}__{name}"] = values
        columns[f"{view.name}__{name}__status"] = pc.case_when(
            pc.make_struct(is_unknown, is_outside, values.is_null()),
            "NOT_FOUND",
            "OUTSIDE_MAX_AGE",
            "NULL_VALUE",
            "PRESENT",
        )
    return columns


def _require_whole(db: duckdb.DuckDBPyConnection, source: str) -> None:
    """The exact arithmetic here is that of whole numbers, and greatest and least know one zero."""
    for column in _WHOLE.get(source, []):
        odd = f"{column} IS NULL OR {column} <> round({column}) OR ({column} = 0 AND signbit({column}))"
        found = db.execute(f"SELECT count(*) FROM {source} WHERE {odd}").fetchone()
        assert found == (0,), f"{source}.{column} has values that are not plain whole numbers"
