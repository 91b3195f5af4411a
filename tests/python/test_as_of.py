"""Training sets as of what was known: over the wire, from the command line, and refused where nobody can tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import thalweg
from process import Place, Server

FEATURES = """
sources:
  - {name: trips, topic: trips, format: json, event_time: left, append_time: told,
     fields: {bus: string, left: timestamp, told: timestamp, delay: float64}}
  - {name: stops, topic: stops, format: json, event_time: at, fields: {bus: string, at: timestamp}}
entities:
  - {name: bus, join_keys: {bus: string}}
feature_views:
  - {name: delays, entity: bus, source: trips, features: {n: {aggregate: count}, delay: {aggregate: [sum], of: delay}}}
  - {name: halts, entity: bus, source: stops, features: {n: {aggregate: count}}}
"""
TRIPS = b"""
{"bus": "m1", "left": "2026-01-01T10:00:00Z", "told": "2026-01-01T10:00:00Z", "delay": 1.5}
{"bus": "m1", "left": "2026-01-01T10:10:00Z", "told": "2026-01-01T11:00:00Z", "delay": 2.5}
{"bus": "m1", "left": "2026-01-01T10:20:00Z", "delay": 4.0}
"""
SPINE = "bus,event_timestamp\nm1,2026-01-01T10:30:00\nm1,2026-01-01T11:00:00\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place with a few trips, one known late, one never."""
    place = Place.new(tmp_path_factory.mktemp("as_of"))
    (place.folder / "features.yaml").write_text(FEATURES)
    (place.folder / "spine.csv").write_text(SPINE)
    place.do("apply", "-f", place.folder / "features.yaml")
    place.do("produce", "trips", "-", "--format", "jsonl", stdin=TRIPS.lstrip())
    return place


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[Server]:
    """A server there."""
    with place.serving() as server:
        yield server


def test_the_client_is_given_what_was_known(server: Server) -> None:
    spine = pa.table({"bus": ["m1", "m1"], "event_timestamp": _instants(10.5, 11.0)})
    with thalweg.Client(server.address, timeout=60) as client:
        happened = client.get_historical_features(spine, ["delays:*"])
        known = client.get_historical_features(spine, ["delays:*"], as_of="known")
        assert happened.to_arrow()["delays__n"].to_pylist() == [3, 3]
        assert known.to_arrow()["delays__n"].to_pylist() == [1, 2]
        assert known.to_arrow()["delays__delay_sum"].to_pylist() == [1.5, 4.0]
        assert known.commit != happened.commit
        assert (happened.manifest["as_of"], known.manifest["as_of"]) == ("event_time", "known")
        batches = client.stream_historical_features(spine, ["delays:n"], as_of="known")
        assert [batch["delays__n"].to_pylist() for batch in batches] == [[1, 2]]
        with pytest.raises(thalweg.FailedPrecondition, match="source `stops`.*append_time"):
            client.get_historical_features(spine, ["delays:*", "halts:*"], as_of="known")
        with pytest.raises(thalweg.FailedPrecondition, match="source `stops`.*append_time"):
            client.get_historical_features(spine, ["halts:*"]).leakage()
        counts = [(feature.name, feature.rows) for feature in known.leakage().leaking]
        assert counts == [("delays__n", 2), ("delays__delay_sum", 2)]


def test_the_command_writes_what_was_known(place: Place, server: Server) -> None:
    ask = ("training-set", "delays:n", "--spine", "spine.csv", "--json", "-o", "known.parquet", "--as-of")
    said = json.loads(place.do(*ask, "known"))
    assert said["manifest"]["as_of"] == "known"
    assert pq.read_table(place.folder / "known.parquet")["delays__n"].to_pylist() == [1, 2]
    refused = place.run(*ask, "then")
    assert refused.code == 2 and "write event_time, known or served" in refused.err, refused


def _instants(*hours: float) -> pa.Array:
    """Instants of the first day of 2026."""
    micros = [1_767_225_600_000_000 + int(hour * 3_600_000_000) for hour in hours]
    return pa.array(micros, pa.timestamp("us", "UTC"))
