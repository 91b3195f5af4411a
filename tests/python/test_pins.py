"""A training set's file says what it rests on, and is enough to get the same rows again."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import thalweg
from conftest import SMALL
from process import Place

SPINE = "carrier,event_timestamp\nUA,2013-01-01T12:00:00\nAA,2013-01-01T11:00:00\n"
LATE = b'{"flight_id": 9, "carrier": "UA", "dest": "ORD", "dep_delay": 50, "dep_at": "2013-01-01T11:50:00Z"}\n'
ASK = ("training-set", "delays", "--spine", "spine.csv", "--json", "-o")


@pytest.fixture
def place(place: Place) -> Place:
    """The small departures, and a spine."""
    (place.folder / "spine.csv").write_text(SPINE)
    return place


def test_a_pinned_training_set_is_the_same_after_more_was_produced(place: Place) -> None:
    before = json.loads(place.do(*ASK, "before.parquet"))
    (place.folder / "before.json").write_text(json.dumps(before))
    (place.folder / "manifest.json").write_text(json.dumps(before["manifest"]))
    place.do("produce", "departures", "-", "--format", "jsonl", stdin=LATE)
    wanted = pq.read_table(place.folder / "before.parquet")
    assert wanted["carrier_delays__departures_1d"].to_pylist() == [3, 1]
    for pin in ("before.parquet", "before.json", "manifest.json", before["commit"], before["commit"][:12]):
        again = json.loads(place.do(*ASK, "again.parquet", "--pin", pin))
        assert (again["commit"], again["manifest"]) == (before["commit"], before["manifest"])
        assert pq.read_table(place.folder / "again.parquet") == wanted
    after = json.loads(place.do(*ASK, "after.parquet"))
    assert after["commit"] != before["commit"]
    assert pq.read_table(place.folder / "after.parquet")["carrier_delays__departures_1d"].to_pylist() == [4, 1]


def test_the_file_names_its_commit_and_manifest(place: Place) -> None:
    said = json.loads(place.do(*ASK, "set.parquet"))
    notes = pq.read_metadata(place.folder / "set.parquet").metadata
    assert notes[b"thalweg.commit"].decode() == said["commit"]
    assert json.loads(notes[b"thalweg.manifest"]) == said["manifest"]
    assert said["manifest"]["pin"]["departures"]["next_offsets"] == [4]


def test_what_has_no_pin_is_refused_in_words(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    (tmp_path / "spine.csv").write_text(SPINE)
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfd\xfc\xfb")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    for pin, words in [
        ("none.parquet", "none.parquet has no manifest to take the pin from: No such file"),
        ("other.parquet", "its metadata has no `thalweg.manifest`"),
        ("cut.parquet", "cut.parquet has no manifest"),
        ("manifest.json", "missing field"),
        ("bytes", "neither Parquet nor text"),
    ]:
        outcome = place.run(*ASK, "x.parquet", "--pin", pin)
        assert outcome.code == 2 and words in outcome.err, outcome
        assert "name a file that `thalweg training-set` wrote" in outcome.err


def test_a_commit_is_known_where_it_was_made_and_after_a_restart(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = Place.new(tmp_path)
    (tmp_path / "spine.csv").write_text(SPINE)
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    with place.serving() as server, thalweg.Client(server.address, timeout=60) as client:
        rows = {"carrier": ["UA"], "event_timestamp": pa.array([1357041600000000], pa.timestamp("us"))}
        made = client.get_historical_features(rows, feature_service="delays")
        place.do("produce", "departures", "-", "--format", "jsonl", stdin=LATE)
        assert client.get_historical_features(rows, feature_service="delays", pin=made.commit).commit == made.commit
        snapshot = client.get_snapshot(feature_service="delays", at="2013-01-01T12:00:00Z", pin=made.commit)
        assert snapshot.pin == made.pin
        streamed = client.stream_historical_features(pa.table(rows), feature_service="delays", pin=made.commit)
        assert streamed.read_all() == made.to_arrow()
        with pytest.raises(thalweg.NotFound, match="no commit `0123456789ab` is known here.*`limits.kept_manifests`"):
            client.get_historical_features(rows, feature_service="delays", pin="0123456789ab")
        with pytest.raises(thalweg.InvalidArgument, match="`yesterday` is no commit id"):
            client.get_historical_features(rows, feature_service="delays", pin="yesterday")
    with place.serving():
        again = json.loads(place.do(*ASK, "again.parquet", "--pin", made.commit))
    assert again["manifest"]["pin"] == made.pin


def test_a_pin_of_another_log_is_refused(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Place.new(tmp_path_factory.mktemp("other"))
    other.do("apply", "-f", SMALL / "features.yaml")
    other.do("produce", "departures", SMALL / "departures.jsonl")
    pin = other.folder / "set.parquet"
    other.do("training-set", "delays", "--spine", place.folder / "spine.csv", "-o", pin)
    outcome = place.run(*ASK, "x.parquet", "--pin", pin)
    assert outcome.code == 1
    assert outcome.err.startswith("OUT_OF_RANGE: ") and "it was deleted and created again" in outcome.err
    assert not (place.folder / "x.parquet").exists()
