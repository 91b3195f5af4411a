"""The training set as DuckDB would build it: window frames and ASOF joins.

python with_duckdb.py DATA SPINE OUT
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence

import duckdb

from windows import DAY_US, LASTS, LEGS_TTL_US, WIDTHS_US

_FUNCTIONS = {"avg": "avg", "min": "min", "max": "max", "stddev": "stddev_samp"}


def _aggregates(
    field: str, names: Sequence[str], widths: Sequence[str], output: str | None = None
) -> dict[str, tuple[str, str]]:
    """Column → expression and window, for each name and width."""
    stem = output or field
    return {f"{stem}_{name}_{width}": (f"{_FUNCTIONS[name]}({field})", width) for name in names for width in widths}


def _counts(name: str, widths: Sequence[str]) -> dict[str, tuple[str, str]]:
    return {f"{name}_{width}": ("count(event)", width) for width in widths}


#: View → source, key, columns in windows.
FOLDS: dict[str, tuple[str, str, dict[str, tuple[str, str]]]] = {
    "carrier_departures": (
        "departures",
        "carrier",
        _counts("departures", ["1h", "1d", "7d"])
        | _aggregates("dep_delay", ["avg", "max", "stddev"], ["1h", "1d", "7d"])
        | {
            f"late_share_{width}": (
                "avg(CASE WHEN dep_delay > 15 THEN 1.0::DOUBLE WHEN dep_delay <= 15 THEN 0.0::DOUBLE END)",
                width,
            )
            for width in ("1d", "30d")
        },
    ),
    "origin_departures": (
        "departures",
        "origin",
        _counts("departures", ["15m", "1h", "1d"])
        | _aggregates("dep_delay", ["avg", "min", "max", "stddev"], ["1h", "1d"])
        | {"late_1h": ("count(CASE WHEN dep_delay > 15 THEN 1 END)", "1h"), "miles_1d": ("sum(distance)", "1d")},
    ),
    "aircraft_legs": (
        "arrivals",
        "tailnum",
        _counts("legs", ["1d", "7d"]) | _aggregates("arr_delay", ["avg", "max"], ["7d"]),
    ),
    "carrier_arrivals": ("arrivals", "carrier", _aggregates("arr_delay", ["avg", "stddev"], ["1d", "7d"])),
    "dest_arrivals": (
        "arrivals",
        "dest",
        _aggregates("arr_delay", ["avg", "max"], ["1d", "1d_offset_7d"])
        | {"air_time_avg_30d": ("avg(air_time)", "30d"), "air_time_variance_30d": ("var_samp(air_time)", "30d")},
    ),
    "origin_weather": (
        "weather",
        "origin",
        {
            "wind_speed_max_3h": ("max(wind_speed)", "3h"),
            "wind_gust_6h": ("max(wind_gust)", "6h"),
            "precip_6h": ("sum(precip)", "6h"),
        },
    ),
}

LAST_DELAYS = "aircraft_legs__last_arr_delays"


def build(data: str, spine: str, out: str) -> None:
    """Reads Parquet, computes all features of every row, writes Parquet."""
    with duckdb.connect(config={"threads": os.cpu_count() or 1}) as db:
        db.execute(
            f"CREATE TABLE spine AS SELECT *, epoch_us(event_timestamp) AS t, file_row_number AS row FROM read_parquet('{spine}', file_row_number = true)"
        )
        for source, time_, tie in (
            ("departures", "dep_at", "flight_id"),
            ("arrivals", "arr_at", "flight_id"),
            ("weather", "observed_at", "file_row_number"),
        ):
            db.execute(
                f"CREATE TABLE {source} AS SELECT *, epoch_us({time_}) AS t, {tie} AS tie, 1 AS event FROM read_parquet('{data}/{source}.parquet', file_row_number = true)"
            )
        for view, (source, key, columns) in FOLDS.items():
            db.execute(f"CREATE TABLE {view} AS {_windows(source, key, columns)}")
        for name, (source, key, field, age_us) in LASTS.items():
            db.execute(f"CREATE TABLE {name} AS {_last(source, key, field, age_us)}")
        db.execute(f"CREATE TABLE {LAST_DELAYS} AS {_last_delays()}")
        columns = [f"{view}.{name} AS {view}__{name}" for view, (_, _, names) in FOLDS.items() for name in names]
        columns += [f"{name}.value AS {name}" for name in [*LASTS, LAST_DELAYS]]
        joins = " ".join(f"JOIN {table} USING (row)" for table in [*FOLDS, *LASTS, LAST_DELAYS])
        db.execute(
            f"COPY (SELECT spine.* EXCLUDE (t, row, file_row_number), {', '.join(columns)} FROM spine {joins} ORDER BY row) "
            f"TO '{out}' (FORMAT parquet, COMPRESSION zstd)"
        )


def _windows(source: str, key: str, columns: Mapping[str, tuple[str, str]]) -> str:
    """Aggregates at every spine row: events and rows on one timeline, framed by time."""
    used = {width for _, width in columns.values()}
    frames = ", ".join(
        f'"{width}" AS (PARTITION BY {key} ORDER BY t RANGE BETWEEN {_frame(width)})' for width in sorted(used)
    )
    selected = ", ".join(f'{sql} OVER "{width}" AS {name}' for name, (sql, width) in columns.items())
    return f"""
        WITH timeline AS (SELECT * EXCLUDE (tie) FROM {source} UNION ALL BY NAME SELECT row, {key}, t FROM spine)
        SELECT row, {selected} FROM timeline WINDOW {frames} QUALIFY row IS NOT NULL
    """


def _frame(width: str) -> str:
    if width == "1d_offset_7d":
        return f"{8 * DAY_US - 1} PRECEDING AND {7 * DAY_US} PRECEDING"
    return f"{WIDTHS_US[width] - 1} PRECEDING AND CURRENT ROW"


def _last(source: str, key: str, field: str, age_us: int | None) -> str:
    """The latest value of a key at every spine row; of one instant's the last in order."""
    young = "true" if age_us is None else f"spine.t - latest.t < {age_us}"
    return f"""
        WITH latest AS (
            SELECT {key}, t, arg_max({field}, tie) AS value FROM {source} WHERE {field} IS NOT NULL GROUP BY {key}, t
        )
        SELECT row, CASE WHEN {young} THEN value END AS value
        FROM spine ASOF LEFT JOIN latest ON spine.{key} = latest.{key} AND spine.t >= latest.t
    """


def _last_delays() -> str:
    """The three latest delays of an aircraft, newest first: each leg carries those before it with their times."""
    return f"""
        WITH legs AS (
            SELECT tailnum, t, tie, list_filter(
                [{{'delay': arr_delay, 't': t}}, lag({{'delay': arr_delay, 't': t}}, 1) OVER legs,
                 lag({{'delay': arr_delay, 't': t}}, 2) OVER legs], lambda leg: leg IS NOT NULL) AS three
            FROM arrivals WINDOW legs AS (PARTITION BY tailnum ORDER BY t, tie)
        ), latest AS (SELECT tailnum, t, arg_max(three, tie) AS three FROM legs GROUP BY tailnum, t)
        SELECT row, CASE WHEN spine.t - latest.t < {LEGS_TTL_US} THEN list_transform(
            list_filter(three, lambda leg: spine.t - leg.t < {LEGS_TTL_US}), lambda leg: leg.delay) END AS value
        FROM spine ASOF LEFT JOIN latest ON spine.tailnum = latest.tailnum AND spine.t >= latest.t
    """


if __name__ == "__main__":
    started = time.perf_counter()
    build(*sys.argv[1:4])
    print(json.dumps({"seconds": time.perf_counter() - started}))
