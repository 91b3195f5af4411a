"""The main job against an independent computation: every feature of every departure of 2013, bit for bit."""

from __future__ import annotations

import random

import pyarrow as pa
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
