"""Spines that are not uploaded: files the server may read, and the events of a source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import thalweg
from conftest import SMALL
from process import Place, Server

KEYLESS = b'{"flight_id": 8, "dest": "ORD", "dep_delay": 5, "dep_at": "2013-01-01T09:00:00Z"}\n'


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Place, Server]]:
    """A server with the small departures that may read files of `spines`."""
    place = Place.new(tmp_path)
    (tmp_path / "spines").mkdir()
    (tmp_path / "secrets").mkdir()
    settings = place.folder / "thalweg.yaml"
    settings.write_text(settings.read_text() + f"spines: {{folders: '{tmp_path / 'spines'}'}}\n")
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    with place.serving() as server:
        yield place, server


def test_a_file_is_what_its_upload_would_be(served: tuple[Place, Server]) -> None:
    place, server = served
    folder = place.folder / "spines"
    at = pa.array([1357041600000000, 1357038000000000], pa.timestamp("us", "UTC"))
    rows = pa.table({"carrier": ["UA", "AA"], "event_timestamp": at, "label": [1, 2]})
    pq.write_table(rows, folder / "rows.parquet")
    with pa.OSFile(str(folder / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    (folder / "rows.csv").write_text("carrier,event_timestamp,label\nUA,2013-01-01T12:00:00,1\nAA,2013-01-01T11:00:00,2\n")
    with thalweg.Client(server.address, timeout=60) as client:
        uploaded = client.get_historical_features(rows, feature_service="delays")
        wanted = uploaded.to_arrow()
        for name in ("rows.parquet", "rows.arrow", "rows.csv"):
            for path in (str(folder / name), f"file://{folder / name}"):
                job = client.get_historical_features(thalweg.FileSpine(path), feature_service="delays")
                assert job.to_arrow() == wanted
        assert client.get_historical_features(
            thalweg.FileSpine(str(folder / "rows.arrow")), feature_service="delays"
        ).commit == uploaded.commit
        # Once described it can be had, though the file is another by now; and is refused where it was not kept.
        kept = client.get_historical_features(thalweg.FileSpine(str(folder / "rows.csv")), feature_service="delays")
        (folder / "rows.csv").write_text("carrier,event_timestamp,label\nUA,2013-01-01T12:00:00,7\n")
        assert kept.to_arrow() == wanted
        for spine in (place.folder / "state" / "spines").glob("*.arrow"):
            spine.unlink()
        with pytest.raises(thalweg.FailedPrecondition, match="cannot be remade: the definitions, the spine's file"):
            kept.to_arrow()


def test_files_elsewhere_are_not_read(served: tuple[Place, Server]) -> None:
    place, server = served
    secret = place.folder / "secrets" / "rows.csv"
    secret.write_text("carrier,event_timestamp\nUA,2013-01-01T12:00:00\n")
    link = place.folder / "spines" / "link.csv"
    link.symlink_to(secret)
    with thalweg.Client(server.address, timeout=60) as client:
        messages = set()
        nothing = place.folder / "secrets" / "nothing.csv"
        for path in (secret, link, place.folder / "spines" / ".." / "secrets" / "rows.csv", nothing):
            with pytest.raises(thalweg.FailedPrecondition, match="in none of the folders .*`spines.folders`") as refused:
                client.get_historical_features(thalweg.FileSpine(str(path)), feature_service="delays")
            messages.add(str(refused.value).replace(str(path), ""))
        assert len(messages) == 1, "what is there and what is not look alike"


def test_every_event_of_a_source_is_a_row(served: tuple[Place, Server]) -> None:
    place, server = served
    with thalweg.Client(server.address, timeout=60) as client:
        job = client.get_historical_features(
            thalweg.EventSpine("departures"), feature_service="delays", boundary="exclusive"
        )
        table = job.to_arrow()
        assert table.column_names[:6] == ["carrier", "dep_at", "dep_delay", "dest", "flight_id", "event_timestamp"]
        assert table["flight_id"].to_pylist() == [0, 1, 2, 3]
        assert table["event_timestamp"].to_pylist() == table["dep_at"].to_pylist()
        assert table["carrier_delays__departures_1d"].to_pylist() == [0, 1, 0, 2]
        assert job.num_rows == 4
        # The rows are those of the pin, whatever comes later, and may be made again.
        place.do("produce", "departures", "-", "--format", "jsonl", stdin=KEYLESS)
        for spine in (place.folder / "state" / "spines").glob("*.arrow"):
            spine.unlink()
        assert job.to_arrow() == table
        with pytest.raises(thalweg.InvalidArgument, match="`carrier` is null in row 4"):
            client.get_historical_features(thalweg.EventSpine("departures"), feature_service="delays")
        whole = client.get_historical_features(
            thalweg.EventSpine("departures", skip_incomplete=True), feature_service="delays"
        )
        assert whole.num_rows == 4
        own = client.get_historical_features(
            thalweg.EventSpine("departures", ["carrier", "dep_at"], skip_incomplete=True),
            ["carrier_delays:last_dest"],
            timestamp_column="dep_at",
        )
        assert own.schema.names == ["carrier", "dep_at", "carrier_delays__last_dest"]
        with pytest.raises(thalweg.NotFound, match="no source `arrivals`.* departures"):
            client.get_historical_features(thalweg.EventSpine("arrivals"), feature_service="delays")
        with pytest.raises(thalweg.InvalidArgument, match="source `departures` has no field `tail`"):
            client.get_historical_features(thalweg.EventSpine("departures", ["tail"]), feature_service="delays")


def test_a_pin_must_name_the_spines_topic(served: tuple[Place, Server]) -> None:
    _, server = served
    with thalweg.Client(server.address, timeout=60) as client:
        with pytest.raises(thalweg.InvalidArgument, match="the pin says nothing of topic `departures`"):
            client.get_historical_features(thalweg.EventSpine("departures"), feature_service="delays", pin={})


def test_the_command_takes_a_source_with_a_server_and_without(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    asked = ("training-set", "delays", "--spine-source", "departures", "--json", "-o")
    alone = json.loads(place.do(*asked, "alone.parquet"))
    with place.serving():
        served = json.loads(place.do(*asked, "served.parquet"))
    assert alone["commit"] == served["commit"] and alone["rows"] == 4
    assert pq.read_table(tmp_path / "alone.parquet") == pq.read_table(tmp_path / "served.parquet")
    neither = place.run("training-set", "delays", "-o", "x.parquet")
    assert neither.code == 2 and "--spine" in neither.err
