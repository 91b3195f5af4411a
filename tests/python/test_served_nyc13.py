"""What was served of a day of real flights, whose arrivals are known hours after they left, held against a fold of exactly
the events that had been applied.

The day is played at the clock's time, an hour a second: each flight is produced a while after it arrived, its event time
is when it left. What was applied when is taken down by asking for the status meanwhile, not from the store's own history:
between two answers alike, that is what lookups saw. The fold is Python's own.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import thalweg
from conftest import NYC13
from process import Place

#: The flights played: those that left in these hours.
FROM, TO = "2013-07-02 10:00:00+00", "2013-07-03 01:00:00+00"

#: Seconds of the day in one of the clock.
SPEED = 3600
#: Microseconds that a flight is produced after it is said to have arrived, and between two batches.
LATE_US = 300_000
STEP_US = 200_000

#: A window of six hours of the day.
WINDOW_US = 6_000_000

FEATURES = """
sources:
  - {name: legs, topic: legs, format: json, event_time: left_at, append_time: arrived_at, order_by: flight_id,
     fields: {flight_id: int64, carrier: string, left_at: timestamp, arrived_at: timestamp, delay: float64}}
entities:
  - {name: carrier, join_keys: {carrier: string}}
feature_views:
  - name: legs
    entity: carrier
    source: legs
    features:
      n: {aggregate: count, windows: [6s, lifetime]}
      delay: {aggregate: [avg, max], of: delay, windows: [6s]}
      last: flight_id
      recent: {aggregate: last_n, n: 3, of: delay}
"""
COLUMNS = ["n_6s", "n_lifetime", "delay_avg_6s", "delay_max_6s", "last", "recent"]


@dataclasses.dataclass(frozen=True)
class Seen:
    """An instant, and the next offset of each partition that was applied before and after it."""

    at_us: int
    applied: dict[int, int]


def test_what_was_served_is_the_fold_of_what_was_applied(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    (tmp_path / "features.yaml").write_text(FEATURES)
    place.do("apply", "-f", tmp_path / "features.yaml")
    start = _now_us() + 3_000_000
    flights = _flights(start)
    half = len(flights) // 2
    seen: list[Seen] = []
    for part in (flights[:half], flights[half:]):
        # A restart lies between: by then it is in files what was applied.
        with place.serving() as server, thalweg.Client(server.address, timeout=60) as client:
            _play(client, part, seen)
    with place.serving() as server, thalweg.Client(server.address, timeout=60) as client:
        server.wait_applied()
        events = client.get_events("legs").read_all().to_pylist()
        assert len(events) == len(flights)
        carriers = sorted({event["carrier"] for event in events})
        rows = [(carrier, one) for one in seen for carrier in carriers]
        spine = pa.table(
            {
                "carrier": [carrier for carrier, _ in rows],
                "event_timestamp": pa.array([one.at_us for _, one in rows], pa.timestamp("us", "UTC")),
            }
        )
        served = client.get_historical_features(spine, ["legs:*"], as_of="served").to_arrow().to_pylist()
        known = client.get_historical_features(spine, ["legs:*"], as_of="known").to_arrow().to_pylist()
    late = 0
    for (carrier, one), served_row, known_row in zip(rows, served, known, strict=True):
        of_carrier = [event for event in events if event["carrier"] == carrier]
        applied = [e for e in of_carrier if e["_offset"] < one.applied.get(e["_partition"], 0)]
        arrived = [e for e in of_carrier if _micros(e["arrived_at"]) <= one.at_us]
        for row, visible in ((served_row, applied), (known_row, arrived)):
            wanted = _fold(visible, one.at_us)
            found = {column: row[f"legs__{column}"] for column in COLUMNS}
            assert found == wanted, f"{carrier} at {one.at_us}, where {one.applied} was applied"
        late += served_row != known_row
    assert len(seen) > 20 and len(rows) > 200, f"{len(seen)} instants, {len(rows)} rows"
    # What had arrived was not applied yet: else nothing tells the two apart.
    assert late > len(rows) // 10, f"{late} of {len(rows)} rows differ"


def _fold(events: list[dict[str, Any]], at_us: int) -> dict[str, object]:
    """The features at an instant, of these events."""
    visible = [event for event in events if _micros(event["left_at"]) <= at_us]
    visible.sort(key=lambda event: (event["left_at"], event["flight_id"]))
    inside = [event["delay"] for event in visible if _micros(event["left_at"]) > at_us - WINDOW_US]
    delays = [event["delay"] for event in visible]
    return {
        "n_6s": len(inside),
        "n_lifetime": len(visible),
        # Delays are whole minutes, so that their sum is exact.
        "delay_avg_6s": sum(inside) / len(inside) if inside else None,
        "delay_max_6s": max(inside, default=None),
        "last": visible[-1]["flight_id"] if visible else None,
        "recent": delays[:-4:-1] or None,
    }


def _flights(start_us: int) -> list[dict[str, Any]]:
    """The flights in the order in which they arrived, at the clock's time: the day begins at `start_us`."""
    sql = f"""
        select flight_id, carrier, arr_delay as delay,
            {start_us} + (epoch_us(dep_at) - epoch_us(timestamptz '{FROM}')) // {SPEED} as left_at,
            {start_us} + (epoch_us(arr_at) - epoch_us(timestamptz '{FROM}')) // {SPEED} as arrived_at
        from '{NYC13}/data/departures.parquet' join
            (select flight_id, arr_at, arr_delay from '{NYC13}/data/arrivals.parquet') using (flight_id)
        where dep_at between timestamptz '{FROM}' and timestamptz '{TO}' order by arr_at, flight_id
    """
    with duckdb.connect() as database:
        return database.sql(sql).to_arrow_table().to_pylist()


def _play(client: thalweg.Client, flights: list[dict[str, Any]], seen: list[Seen]) -> None:
    """Produces each flight when it is due, and takes down what was applied at instants between."""
    rest = list(flights)
    while rest:
        now = _now_us()
        due = [flight for flight in rest if flight["arrived_at"] + LATE_US <= now]
        if due:
            rest = rest[len(due) :]
            rows = [flight | {name: _instant(flight[name]) for name in ("left_at", "arrived_at")} for flight in due]
            client.produce("legs", rows, key="carrier", partitions=3)
        applied, before = _applied(client), _now_us()
        time.sleep(0.02)
        after, same = _now_us(), _applied(client)
        # Before the first event is applied nobody takes down what is.
        if same == applied and any(applied.values()):
            seen.append(Seen((before + after) // 2, applied))
        time.sleep(max(0, now + STEP_US - _now_us()) / 1e6)


def _applied(client: thalweg.Client) -> dict[int, int]:
    partitions = client.status().partitions
    return {one.partition: one.applied for one in partitions if one.topic == "legs"}


def _now_us() -> int:
    return time.time_ns() // 1_000


def _instant(micros: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=micros)


def _micros(instant: dt.datetime) -> int:
    return (instant - dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)) // dt.timedelta(microseconds=1)
