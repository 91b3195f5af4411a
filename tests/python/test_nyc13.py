"""The main job against an independent computation: every feature of every departure of 2013, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pyarrow as pa
import pytest
import thalweg
from bits import difference
from conftest import NYC13
from nyc13_expected import expected, spine
from process import Place, Server

#: Topic, the field its records are keyed by, the field that becomes the record's timestamp.
TOPICS = [("departures", "tailnum", "dep_at"), ("arrivals", "tailnum", "arr_at"), ("weather", "origin", "observed_at")]
SERVICE = "delay_model"

#: Departures that are also looked up online, one call each.
LOOKUPS = 500


@pytest.fixture(scope="module")
def nyc13_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all flights and all weather, in four partitions a topic."""
    place = Place.new(tmp_path_factory.mktemp("nyc13"))
    with place.serving() as server:
        place.do("apply", "-f", NYC13 / "features")
        for topic, key, time in TOPICS:
            file = NYC13 / "data" / f"{topic}.parquet"
            place.do("produce", topic, file, "--key", key, "--timestamp", time, "--partitions", "4")
        server.wait_applied()
        yield server


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
    with thalweg.Client(nyc13_server.address, timeout=60) as client:
        for number in sample:
            row = rows.slice(number, 1)
            answer = client.get_online_features(
                feature_service=SERVICE,
                entity_rows=row.select(["carrier", "origin", "dest", "tailnum"]),
                at=row["event_timestamp"][0].as_py(),
            )
            assert answer.feature_names == features
            online = answer.to_arrow(include_statuses=True)
            for name in [*features, *(f"{name}__status" for name in features)]:
                found = difference(online[name].combine_chunks(), row[name].combine_chunks())
                assert found is None, f"departure {number}, {name}: online {found}"
