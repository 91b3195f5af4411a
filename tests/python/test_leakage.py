"""The leakage report over the real flights: a feature that goes by scheduled arrivals is told, with DuckDB's counts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pyarrow.parquet as pq
import pytest
import thalweg
from conftest import NYC13
from process import Place, Server

#: An arrival delay is known when the flight has arrived. The first source has it happen then; the second has it happen
#: when the flight should have arrived, as somebody would who joins by the schedule.
FEATURES = """
sources:
  - {{name: landed, topic: arrivals, format: avro, schema: {{file: {schema}}},
     event_time: arr_at, append_time: arr_at, order_by: flight_id}}
  - {{name: scheduled, topic: arrivals, format: avro, schema: {{file: {schema}}},
     event_time: sched_arr, append_time: arr_at, order_by: flight_id}}
entities:
  - {{name: aircraft, join_keys: {{tailnum: string}}}}
feature_views:
  - name: honest
    entity: aircraft
    source: landed
    features: {{delay: arr_delay, legs: {{aggregate: count, windows: [1d]}}}}
  - name: leaking
    entity: aircraft
    source: scheduled
    features: {{delay: arr_delay, legs: {{aggregate: count, windows: [1d]}}}}
"""
COLUMNS = ["honest__delay", "honest__legs_1d", "leaking__delay", "leaking__legs_1d"]

#: What each departure sees of the flights of its aircraft that should have arrived by then: of all, and of those that
#: had.
BY_HAND = """
create table legs as
select spine.row, epoch_us(sched_arr)::hugeint * 10000000 + flight_id as place, arr_delay, sched_arr, arr_at, spine.moment
from (select row_number() over (order by flight_id) - 1 as row, tailnum, dep_at as moment
      from '{data}/departures.parquet' where tailnum is not null) spine
left join '{data}/arrivals.parquet' arrivals on arrivals.tailnum = spine.tailnum and sched_arr <= spine.moment;
create table seen as
select row,
    arg_max(arr_delay, place) filter (arr_delay is not null) as delay,
    arg_max(arr_delay, place) filter (arr_delay is not null and arr_at <= moment) as known_delay,
    count(place) filter (sched_arr > moment - interval 1 day) as legs,
    count(place) filter (sched_arr > moment - interval 1 day and arr_at <= moment) as known_legs
from legs group by row
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all arrivals."""
    place = Place.new(tmp_path_factory.mktemp("leakage"))
    features = place.folder / "features.yaml"
    features.write_text(FEATURES.format(schema=NYC13 / "schemas" / "arrivals.avsc"))
    place.do("apply", "-f", features)
    place.do("produce", "arrivals", NYC13 / "data" / "arrivals.parquet", "--partitions", "4", "--key", "tailnum")
    with place.serving() as server:
        yield server


def test_a_leaking_feature_is_told_with_the_counts_that_duckdb_has(server: Server) -> None:
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'").fetchall()
        for statement in BY_HAND.format(data=NYC13 / "data").split(";"):
            database.execute(statement).fetchall()
        wanted = database.sql("select * from seen order by row").to_arrow_table()
        counted = database.sql(
            "select count(*) filter (delay is distinct from known_delay), count(*) filter (legs <> known_legs) from seen"
        ).to_arrow_table()
        spine = database.sql(
            f"select tailnum, dep_at as event_timestamp from '{NYC13}/data/departures.parquet' "
            "where tailnum is not null order by flight_id"
        ).to_arrow_table()
    counts = [column[0].as_py() for column in counted.columns]
    with thalweg.Client(server.address, timeout=300) as client:
        job = client.get_historical_features(spine, ["honest:*", "leaking:*"])
        assert job.schema.names[2:] == COLUMNS
        leakage = job.leakage()
        known = client.get_historical_features(spine, ["leaking:*"], as_of="known").to_arrow()
        happened = job.to_arrow()
    assert min(counts) > 1_000, counts
    assert [feature.rows for feature in leakage.features] == [0, 0, *counts]
    assert [feature.name for feature in leakage.leaking] == COLUMNS[2:]
    assert leakage.rows == len(spine)
    for column, name in [("delay", "leaking__delay"), ("legs", "leaking__legs_1d")]:
        assert happened[name].to_pylist() == wanted[column].to_pylist()
        assert known[name].to_pylist() == wanted[f"known_{column}"].to_pylist()
    told = {example.row: example for example in leakage["leaking__delay"].examples}
    assert len(told) == 3
    for row, example in told.items():
        assert example.keys == {"tailnum": spine["tailnum"][row].as_py()}
        assert (example.event_time, example.known) == (
            wanted["delay"][row].as_py(),
            wanted["known_delay"][row].as_py(),
        )
        assert example.event_time != example.known


def test_the_command_tells_it_too(server: Server) -> None:
    place = server.place
    flights = pq.read_table(NYC13 / "data" / "departures.parquet", columns=["tailnum", "dep_at"]).slice(50_000, 2_000)
    flights = flights.filter(flights["tailnum"].is_valid()).rename_columns(["tailnum", "event_timestamp"])
    pq.write_table(flights, place.folder / "spine.parquet")
    ask = ("training-set", "honest:delay,leaking:delay", "--spine", "spine.parquet", "-o", "set.parquet", "--leakage")
    report = json.loads(place.do(*ask, "--json"))["leakage"]
    honest, leaking = report["features"]
    assert (report["rows"], honest["rows"], honest["examples"]) == (len(flights), 0, [])
    assert 0 < leaking["rows"] < len(flights) and len(leaking["examples"]) == 3
    said = place.do(*ask)
    assert f"leakage: in how many of {len(flights):,} rows" in said
    lines = [line.split() for line in said.splitlines() if line.startswith(("honest", "leaking"))]
    assert [line[:2] for line in lines] == [["leaking__delay", f"{leaking['rows']:,}"]]

