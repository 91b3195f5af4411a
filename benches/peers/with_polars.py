"""The training set as polars would build it: rolling aggregates and as-of joins.

python with_polars.py DATA SPINE OUT
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import polars as pl

from windows import LASTS, LEGS_TTL_US

_FIELDS = {
    "departures": ("dep_at", "flight_id"),
    "arrivals": ("arr_at", "flight_id"),
    "weather": ("observed_at", "tie"),
}
_LATE = pl.when(pl.col("dep_delay") > 15).then(1.0).when(pl.col("dep_delay") <= 15).then(0.0)

#: View → source, key, column → (input, function, width).
FOLDS: dict[str, tuple[str, str, dict[str, tuple[pl.Expr, str, str]]]] = {}


def _fold(view: str, source: str, key: str, *columns: Mapping[str, tuple[pl.Expr, str, str]]) -> None:
    FOLDS[view] = (source, key, {name: column for group in columns for name, column in group.items()})


def _each(
    stem: str, of: pl.Expr, functions: Sequence[str], widths: Sequence[str]
) -> dict[str, tuple[pl.Expr, str, str]]:
    """Column → input, function, width, for each of the functions and widths."""
    return {f"{stem}_{function}_{width}": (of, function, width) for function in functions for width in widths}


def _counts(stem: str, of: pl.Expr, widths: Sequence[str]) -> dict[str, tuple[pl.Expr, str, str]]:
    return {f"{stem}_{width}": (of, "count", width) for width in widths}


_EVENT = pl.col("event")
_fold(
    "carrier_departures",
    "departures",
    "carrier",
    _counts("departures", _EVENT, ["1h", "1d", "7d"]),
    _each("dep_delay", pl.col("dep_delay"), ["avg", "max", "stddev"], ["1h", "1d", "7d"]),
    {f"late_share_{width}": (_LATE, "avg", width) for width in ("1d", "30d")},
)
_fold(
    "origin_departures",
    "departures",
    "origin",
    _counts("departures", _EVENT, ["15m", "1h", "1d"]),
    _each("dep_delay", pl.col("dep_delay"), ["avg", "min", "max", "stddev"], ["1h", "1d"]),
    {
        "late_1h": (pl.when(pl.col("dep_delay") > 15).then(1), "count", "1h"),
        "miles_1d": (pl.col("distance"), "sum", "1d"),
    },
)
_fold(
    "aircraft_legs",
    "arrivals",
    "tailnum",
    _counts("legs", _EVENT, ["1d", "7d"]),
    _each("arr_delay", pl.col("arr_delay"), ["avg", "max"], ["7d"]),
)
_fold(
    "carrier_arrivals", "arrivals", "carrier", _each("arr_delay", pl.col("arr_delay"), ["avg", "stddev"], ["1d", "7d"])
)
_fold(
    "dest_arrivals",
    "arrivals",
    "dest",
    _each("arr_delay", pl.col("arr_delay"), ["avg", "max"], ["1d"]),
    _each("air_time", pl.col("air_time"), ["avg", "variance"], ["30d"]),
)
_fold(
    "origin_weather",
    "weather",
    "origin",
    {
        "wind_speed_max_3h": (pl.col("wind_speed"), "max", "3h"),
        "wind_gust_6h": (pl.col("wind_gust"), "max", "6h"),
        "precip_6h": (pl.col("precip"), "sum", "6h"),
    },
)

_ROLLING: dict[str, Callable[[pl.Expr, str], pl.Expr]] = {
    # polars' sum of nothing is 0; here it is null.
    "sum": lambda of, width: pl.when(_ROLLING["max"](of, width).is_not_null()).then(
        of.rolling_sum_by("t", width, closed="right")
    ),
    "avg": lambda of, width: of.rolling_mean_by("t", width, closed="right"),
    "min": lambda of, width: of.rolling_min_by("t", width, closed="right"),
    "max": lambda of, width: of.rolling_max_by("t", width, closed="right"),
    "stddev": lambda of, width: of.rolling_std_by("t", width, closed="right", min_samples=2),
    "variance": lambda of, width: of.rolling_var_by("t", width, closed="right", min_samples=2),
    "count": lambda of, width: of.cast(pl.Int64).rolling_sum_by("t", width, closed="right").fill_null(0),
}


def build(data: str, spine_path: str, out: str) -> None:
    """Reads Parquet, computes all features of every row, writes Parquet."""
    given = pl.read_parquet(spine_path)
    spine = given.with_columns(t="event_timestamp").with_row_index("row")
    events = {source: _events(data, source) for source in _FIELDS}
    parts = [_windows(events[source], spine, view, key, columns) for view, (source, key, columns) in FOLDS.items()]
    parts.append(_a_week_ago(events["arrivals"], spine))
    parts += [_last(events[source], spine, name, key, field, age) for name, (source, key, field, age) in LASTS.items()]
    parts.append(_last_delays(events["arrivals"], spine))
    pl.concat([given, *parts], how="horizontal").write_parquet(out, compression="zstd")


def _events(data: str, source: str) -> pl.DataFrame:
    """Events in their total order."""
    time_, tie = _FIELDS[source]
    events = pl.read_parquet(f"{data}/{source}.parquet").with_row_index("tie")
    return events.sort(time_, tie, maintain_order=True).with_columns(t=time_, event=pl.lit(1, pl.Int64)).drop("tie")


def _windows(
    events: pl.DataFrame, spine: pl.DataFrame, view: str, key: str, columns: Mapping[str, tuple[pl.Expr, str, str]]
) -> pl.DataFrame:
    """Aggregates at every spine row: events and rows on one timeline, rolled by time."""
    timeline = _timeline(events, spine, key)
    rolled = [
        _ROLLING[function](of, width).over(key).alias(f"{view}__{name}")
        for name, (of, function, width) in columns.items()
    ]
    return _rows(timeline.select("row", *rolled))


def _a_week_ago(events: pl.DataFrame, spine: pl.DataFrame) -> pl.DataFrame:
    """Arrivals of the day that ended a week before: a window that does not end at its row."""
    timeline = _timeline(events, spine, "dest")
    delay = pl.col("arr_delay")
    rolled = timeline.rolling("t", period="1d", offset="-8d", closed="right", group_by="dest").agg(
        dest_arrivals__arr_delay_avg_1d_offset_7d=delay.mean(), dest_arrivals__arr_delay_max_1d_offset_7d=delay.max()
    )
    # The answer has the timeline's rows, key by key, each key's in order.
    in_groups = timeline.sort("dest", maintain_order=True).select("row")
    return _rows(pl.concat([in_groups, rolled.sort("dest", maintain_order=True).drop("dest", "t")], how="horizontal"))


def _timeline(events: pl.DataFrame, spine: pl.DataFrame, key: str) -> pl.DataFrame:
    return pl.concat([events, spine.select("row", "t", key)], how="diagonal").sort("t", maintain_order=True)


def _rows(timeline: pl.DataFrame) -> pl.DataFrame:
    """The spine's rows in their order."""
    return timeline.filter(pl.col("row").is_not_null()).sort("row").drop("row")


def _last(
    events: pl.DataFrame, spine: pl.DataFrame, name: str, key: str, field: str, age_us: int | None
) -> pl.DataFrame:
    """The latest value of a key at every spine row; of one instant's the last in order."""
    latest = events.filter(pl.col(field).is_not_null()).select(key, "t", value=field, then="t")
    joined = _as_of(spine, latest, key)
    young = pl.lit(True) if age_us is None else pl.col("t") - pl.col("then") < pl.duration(microseconds=age_us)
    return _rows(joined.select("row", pl.when(young).then("value").alias(name)))


def _last_delays(events: pl.DataFrame, spine: pl.DataFrame) -> pl.DataFrame:
    """The three latest delays of an aircraft, newest first: each leg carries those before it with their times."""
    back = range(3)
    legs = events.select(
        "tailnum",
        "t",
        *(pl.col("arr_delay").shift(n).over("tailnum").alias(f"delay_{n}") for n in back),
        *(pl.col("t").shift(n).over("tailnum").alias(f"then_{n}") for n in back),
    )
    ttl = pl.duration(microseconds=LEGS_TTL_US)
    young = [pl.when(pl.col("t") - pl.col(f"then_{n}") < ttl).then(pl.col(f"delay_{n}")) for n in back]
    delays = pl.concat_list(young).list.drop_nulls()
    some = pl.when(delays.list.len() > 0).then(delays)
    return _rows(_as_of(spine, legs, "tailnum").select("row", aircraft_legs__last_arr_delays=some))


def _as_of(spine: pl.DataFrame, events: pl.DataFrame, key: str) -> pl.DataFrame:
    return spine.select("row", "t", key).sort("t").join_asof(events.sort("t", maintain_order=True), on="t", by=key)


if __name__ == "__main__":
    started = time.perf_counter()
    build(*sys.argv[1:4])
    print(json.dumps({"seconds": time.perf_counter() - started}))
