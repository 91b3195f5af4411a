"""The main job against an independent computation: every feature of every departure of 2013, bit for bit."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import thalweg
from bits import difference
from conftest import NYC13
from nyc13_expected import expected, spine
from process import Server

SERVICE = "delay_model"

#: Departures that are also looked up online, one call each.
LOOKUPS = 2_000


@pytest.fixture(scope="module")
def rows(nyc13_server: Server) -> pa.Table:
    """The training set of every departure, with statuses."""
    with thalweg.Client(nyc13_server.address, timeout=300) as client:
        job = client.get_historical_features(spine(NYC13 / "data"), feature_service=SERVICE, statuses=True)
        return job.to_arrow()


def test_every_feature_of_every_departure_equals_the_independent_computation(rows: pa.Table) -> None:
    given = spine(NYC13 / "data")
    assert rows.num_rows == 328_521
    assert rows.select(given.column_names).equals(given), "spine columns come back as they were"
    wanted = expected(NYC13 / "data")
    assert set(rows.column_names) - set(given.column_names) == set(wanted)
    differences = {
        name: found for name, column in wanted.items() if (found := difference(rows[name].combine_chunks(), column))
    }
    assert differences == {}


def test_lookups_at_the_departures_instants_equal_the_rows(rows: pa.Table, nyc13_server: Server) -> None:
    features = [name for name in rows.column_names if "__" in name and not name.endswith("__status")]
    sample = sorted(random.Random(2013).sample(range(rows.num_rows), LOOKUPS))
    wanted = rows.take(sample)
    with thalweg.Client(nyc13_server.address, timeout=60) as client:
        answers = [
            client.get_online_features(
                feature_service=SERVICE,
                entity_rows=wanted.slice(number, 1).select(["carrier", "origin", "dest", "tailnum"]),
                at=wanted["event_timestamp"][number].as_py(),
            )
            for number in range(LOOKUPS)
        ]
    assert all(answer.feature_names == features for answer in answers)
    online = pa.concat_tables(answer.to_arrow(include_statuses=True) for answer in answers)
    differences = {
        name: found
        for name in [*features, *(f"{name}__status" for name in features)]
        if (found := difference(online[name].combine_chunks(), wanted[name].combine_chunks()))
    }
    assert differences == {}


def test_on_demand_features_are_computed_from_the_row_online_and_offline(rows: pa.Table, nyc13_server: Server) -> None:
    minutes = pa.array(number % 90 for number in range(rows.num_rows))
    given = spine(NYC13 / "data").append_column("minutes_to_change", minutes)
    last, before = (_element(rows["aircraft_legs__last_arr_delays"].combine_chunks(), number) for number in (1, 2))
    carrier, origin = (rows[f"{view}_departures__dep_delay_avg_1h"].combine_chunks() for view in ("carrier", "origin"))
    wanted = {
        "connection__carrier_against_origin": pc.subtract(carrier, origin),
        "connection__is_catching_up": pc.less(last, before),
        "connection__minutes_left": pc.subtract(minutes.cast(pa.float64()), last.fill_null(0.0)),
        "carrier_departures__departures_1h": rows["carrier_departures__departures_1h"].combine_chunks(),
    }
    with thalweg.Client(nyc13_server.address, timeout=300) as client:
        found = client.get_historical_features(given, feature_service="connection_model").to_arrow()
        assert found.column_names == [*given.column_names, *wanted]
        differences = {name: difference(found[name].combine_chunks(), column) for name, column in wanted.items()}
        assert differences == dict.fromkeys(wanted)
        for number in random.Random(90).sample(range(found.num_rows), LOOKUPS // 10):
            row = found.slice(number, 1)
            answer = client.get_online_features(
                feature_service="connection_model",
                entity_rows=row.select(["carrier", "origin", "tailnum", "minutes_to_change"]),
                at=row["event_timestamp"][0].as_py(),
            )
            online = answer.to_arrow()
            for name in wanted:
                assert not difference(online[name].combine_chunks(), row[name].combine_chunks()), (name, number)


def test_a_table_gives_what_is_joined_by_its_key(rows: pa.Table, nyc13_server: Server) -> None:
    given = spine(NYC13 / "data")
    names = ["manufacturer", "built", "seats"]
    with duckdb.connect() as db:
        db.register("given", given.append_column("number", pa.array(range(given.num_rows))))
        planes = f"read_parquet('{NYC13 / 'data' / 'planes.parquet'}')"
        columns = ", ".join(names)
        joined = db.sql(
            f"""SELECT {columns}, planes.tailnum IS NOT NULL AS is_known FROM given
            LEFT JOIN {planes} AS planes ON planes.tailnum = given.tailnum AND planes.known_at <= given.event_timestamp
            ORDER BY given.number"""
        ).to_arrow_table()
    assert joined.num_rows == given.num_rows, "an aircraft is in the table once"
    is_known = joined["is_known"].combine_chunks()
    assert 0 < pc.sum(is_known).as_py() < given.num_rows
    wanted = {"aircraft_legs__legs_7d": rows["aircraft_legs__legs_7d"].combine_chunks()}
    for name in names:
        values = joined[name].combine_chunks()
        statuses = pc.make_struct(pc.invert(is_known), values.is_null())
        wanted[f"aircraft_make__{name}"] = values
        wanted[f"aircraft_make__{name}__status"] = pc.case_when(statuses, "NOT_FOUND", "NULL_VALUE", "PRESENT")
    with thalweg.Client(nyc13_server.address, timeout=300) as client:
        found = client.get_historical_features(given, feature_service="aircraft_model", statuses=True).to_arrow()
        differences = {name: difference(found[name].combine_chunks(), column) for name, column in wanted.items()}
        assert differences == dict.fromkeys(wanted)
        sample = found.take(sorted(random.Random(737).sample(range(found.num_rows), LOOKUPS // 10)))
        for number in range(sample.num_rows):
            row = sample.slice(number, 1)
            at = row["event_timestamp"][0].as_py()
            answer = client.get_online_features(
                feature_service="aircraft_model", entity_rows=row.select(["tailnum"]), at=at
            ).to_arrow(include_statuses=True)
            for name in wanted:
                assert not difference(answer[name].combine_chunks(), row[name].combine_chunks()), (name, at)


def _element(lists: pa.ListArray, number: int) -> pa.Array:
    """The elements of this number, counted from 1; null where there is none."""
    places = pc.add(lists.offsets[:-1], number - 1)
    is_there = pc.greater_equal(pc.list_value_length(lists).fill_null(0), number)
    return lists.values.take(pc.if_else(is_there, places, None))
