"""Snapshots: a row for every entity at one instant, by the command and by the client, with a server and without one."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import thalweg
from conftest import SMALL
from process import Place, Server

LATE = b'{"flight_id": 9, "carrier": "B6", "dest": "ORD", "dep_delay": 50, "dep_at": "2013-01-01T10:00:00Z"}\n'
ELEVEN = dt.datetime(2013, 1, 1, 11, tzinfo=dt.timezone.utc)
AT = ("--at", "2013-01-01T11:00:00Z")


def _snapshot(place: Place, *arguments: str | Path) -> tuple[dict[str, object], pa.Table]:
    out = place.folder / "snapshot.parquet"
    said = json.loads(place.do("snapshot", "delays", *arguments, "-o", out, "--json"))
    return said, pq.read_table(out)


def test_a_snapshot_is_the_training_set_of_all_entities(place: Place) -> None:
    said, table = _snapshot(place, *AT, "--statuses")
    assert table["carrier"].to_pylist() == ["AA", "UA"]
    assert table["event_timestamp"].to_pylist() == [ELEVEN, ELEVEN]
    assert table["carrier_delays__departures_1d"].to_pylist() == [1, 2]
    assert table["carrier_delays__last_dest__status"].to_pylist() == ["PRESENT", "PRESENT"]
    assert said["rows"] == 2
    spine = place.folder / "spine.parquet"
    pq.write_table(table.select(["carrier", "event_timestamp"]), spine)
    out = place.folder / "set.parquet"
    place.do("training-set", "delays", "--spine", spine, "--statuses", "-o", out)
    assert pq.read_table(out) == table
    # Nobody had departed by ten.
    assert _snapshot(place, "--at", "2013-01-01T10:00:00Z")[1].num_rows == 0
    exclusive = _snapshot(place, "--at", "2013-01-01T10:17:00Z", "--boundary", "exclusive")[1]
    assert exclusive.num_rows == 0


def test_a_pinned_snapshot_stays_what_it_was(place: Place) -> None:
    before, wanted = _snapshot(place, *AT)
    kept = place.folder / "kept.parquet"
    (place.folder / "snapshot.parquet").rename(kept)
    place.do("produce", "departures", "-", "--format", "jsonl", stdin=LATE)
    again, table = _snapshot(place, *AT, "--pin", kept)
    assert (again["commit"], table) == (before["commit"], wanted)
    after, table = _snapshot(place, *AT)
    assert table["carrier"].to_pylist() == ["AA", "B6", "UA"]
    assert after["commit"] != before["commit"]


def test_without_an_instant_it_is_now(place: Place) -> None:
    before = dt.datetime.now(dt.timezone.utc)
    _, table = _snapshot(place)
    (at,) = set(table["event_timestamp"].to_pylist())
    assert before <= at <= dt.datetime.now(dt.timezone.utc)
    assert table["carrier_delays__departures_1d"].to_pylist() == [0, 0]


def test_the_stream_clock_is_the_watermark(tmp_path: Path) -> None:
    place = Place.new(tmp_path, clock="stream")
    place.do("apply", "-f", SMALL / "features.yaml")
    out = tmp_path / "snapshot.parquet"
    place.do("produce", "departures", SMALL / "departures.jsonl")
    refused = place.run("snapshot", "delays", "-o", out)
    assert refused.code == 1 and "name the instant" in refused.err
    with place.serving() as server:
        server.wait_applied()
        place.do("snapshot", "delays", "-o", out)
    table = pq.read_table(out)
    assert set(table["event_timestamp"].to_pylist()) == {dt.datetime(2013, 1, 1, 11, 40, tzinfo=dt.timezone.utc)}
    assert table["carrier_delays__departures_1d"].to_pylist() == [1, 3]


def test_the_client_gives_what_the_command_writes(client: thalweg.Client, small_server: Server) -> None:
    job = client.get_snapshot(feature_service="delays", at=ELEVEN)
    said, table = _snapshot(small_server.place, *AT)
    assert (job.commit, job.num_rows, job.manifest) == (said["commit"], said["rows"], said["manifest"])
    assert job.schema == table.schema.remove_metadata()
    assert job.to_arrow() == table
    assert job.to_arrow() == table, "a stream can be fetched again"
    named = client.get_snapshot(["carrier_delays:last_dest"], at=0, timestamp_column="t", full_feature_names=False)
    assert (named.num_rows, named.schema.names) == (0, ["carrier", "t", "last_dest"])


def test_a_ticket_is_served_where_the_rows_are_no_longer_kept(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    with place.serving() as server, thalweg.Client(server.address, timeout=60) as client:
        job = client.get_snapshot(feature_service="delays", at=ELEVEN)
        kept = job.to_arrow()
        place.do("produce", "departures", "-", "--format", "jsonl", stdin=LATE)
        spines = list((tmp_path / "state" / "spines").glob("*.arrow"))
        assert len(spines) == 1
        spines[0].unlink()
        assert job.to_arrow() == kept


def test_what_has_no_sense_is_refused_in_words(nyc13_server: Server) -> None:
    with thalweg.Client(nyc13_server.address, timeout=60) as client:
        with pytest.raises(thalweg.InvalidArgument, match="one row per entity.*they take .*origin: string"):
            client.get_snapshot(feature_service="delay_model", at=ELEVEN)
        with pytest.raises(thalweg.NotFound, match="there is no feature service `none`"):
            client.get_snapshot(feature_service="none", at=ELEVEN)
        with pytest.raises(thalweg.InvalidArgument, match="two columns named `carrier`"):
            client.get_snapshot(["carrier_departures:*"], at=ELEVEN, timestamp_column="carrier")
