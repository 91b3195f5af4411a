"""Every command of the binary, with a server and without one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import SMALL
from process import Place, Server

NOON = "2013-01-01T12:00:00Z"
PRODUCE = ("produce", "departures", SMALL / "departures.jsonl", "--key", "carrier", "--timestamp", "dep_at")


@pytest.fixture(params=["server", "files"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place of one's own; commands find the server that runs there, or work on the files."""
    place = Place.new(tmp_path)
    if request.param == "files":
        yield place
    else:
        with place.serving():
            yield place


def test_plan_says_what_apply_then_does(place: Place) -> None:
    features = ("-f", SMALL / "features.yaml")
    planned = json.loads(place.do("plan", *features, "--json"))
    assert [view["change"] for view in planned["views"]] == ["new"]
    assert "apply it with `thalweg apply`" in place.do("plan", *features)
    assert json.loads(place.do("apply", *features, "--json")) == planned
    assert "nothing has changed" in place.do("apply", *features)
    assert json.loads(place.do("plan", *features, "--json"))["views"][0]["change"] == "unchanged"


def test_a_changed_view_is_planned_as_a_rebuild(place: Place, tmp_path: Path) -> None:
    place.do("apply", "-f", SMALL / "features.yaml")
    changed = tmp_path / "changed.yaml"
    changed.write_text((SMALL / "features.yaml").read_text().replace("windows: [1d]", "windows: [2d]", 1))
    (view,) = json.loads(place.do("plan", "-f", changed, "--json"))["views"]
    assert (view["name"], view["change"], view["rebuild"]) == ("carrier_delays", "changed", True)


def test_rows_come_from_json_lines_csv_and_parquet_from_files_and_standard_input(place: Place, tmp_path: Path) -> None:
    place.do("apply", "-f", SMALL / "features.yaml")
    assert json.loads(place.do(*PRODUCE, "--json")) == {"topic": "departures", "records": 4, "next_offsets": {"0": 4}}
    csv = b"carrier,dest,dep_delay,dep_at,flight_id\nDL,ATL,-2,2013-01-01T11:00:00Z,9\n"
    assert "1 records are durable" in place.do("produce", "departures", "-", "--format", "csv", stdin=csv)
    table = pa.table({"carrier": ["B6"], "dep_delay": [1.0], "flight_id": pa.array([10], pa.int32())})
    pq.write_table(table, tmp_path / "rows.parquet")
    place.do("produce", "departures", tmp_path / "rows.parquet")
    # The row without a time is a dead letter, which has a topic of its own once it is there.
    topics = json.loads(place.do("topics", "--json"))["topics"]
    (topic,) = [topic for topic in topics if topic["name"] == "departures"]
    assert (topic["name"], topic["start_offsets"], topic["next_offsets"]) == ("departures", [0], [6])
    assert re.search(r"departures\s+1\s+6\s", place.do("topics"))


def test_partitions_are_made_and_chosen(place: Place) -> None:
    place.do("apply", "-f", SMALL / "features.yaml")
    spread = json.loads(place.do(*PRODUCE, "--partitions", "3", "--json"))
    assert sum(spread["next_offsets"].values()) == 4
    chosen = json.loads(place.do(*PRODUCE, "--partition", "2", "--json"))
    assert list(chosen["next_offsets"]) == ["2"]


def test_a_training_set_is_the_same_file_twice(place: Place, tmp_path: Path) -> None:
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do(*PRODUCE)
    spine = tmp_path / "spine.csv"
    spine.write_text(
        "carrier,event_timestamp,label\nUA,2013-01-01T12:00:00,1\nUA,2013-01-01T11:00:00,0\nXX,2013-01-01T12:00:00,0\n"
    )
    ask = ("training-set", "delays", "--spine", spine, "--statuses", "--json", "-o")
    first = json.loads(place.do(*ask, tmp_path / "a.parquet"))
    assert first["rows"] == 3
    assert json.loads(place.do(*ask, tmp_path / "b.parquet"))["commit"] == first["commit"]
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["label"].to_pylist() == [1, 0, 0]
    assert table["carrier_delays__departures_1d"].to_pylist() == [3, 2, 0]
    assert table["carrier_delays__last_dest__status"].to_pylist() == ["PRESENT", "PRESENT", "NOT_FOUND"]


def test_lookups_and_the_status_come_from_the_server(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    with place.serving() as server:
        place.do("apply", "-f", SMALL / "features.yaml")
        place.do(*PRODUCE)
        server.wait_applied()
        answer = json.loads(place.do("get", "delays", "carrier=UA", "--at", NOON, "--json"))
        assert answer["rows"][0]["carrier_delays__departures_1d"] == {"value": 3, "status": "PRESENT"}
        assert answer["at"] == NOON
        assert answer["applied"] == [{"topic": "departures", "partition": 0, "next_offset": 4}]
        assert "3.0    PRESENT" in place.do("get", "carrier_delays:dep_delay_avg_1d", "carrier=UA", "--at", NOON)
        status = json.loads(place.do("status", "--json"))
        assert status["partitions"] == [{"topic": "departures", "partition": 0, "next_offset": 4, "applied": 4}]
        assert status["watermark"] == "2013-01-01T11:40:00Z"
        assert [(view["name"], view["keys"], view["ready"]) for view in status["views"]] == [
            ("carrier_delays", 2, True)
        ]
        assert "running" in place.do("status")


def test_what_was_applied_and_produced_is_there_after_a_restart(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do(*PRODUCE)
    answers = []
    for _ in range(2):
        with place.serving() as server:
            server.wait_applied()
            answers.append(place.do("get", "delays", "carrier=UA", "--at", NOON, "--json"))
            assert server.stop() == 0
    assert answers[0] == answers[1]


def test_records_that_cannot_be_decoded_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    with place.serving() as server:
        place.do("apply", "-f", SMALL / "features.yaml")
        bad = b'this is no JSON\n{"carrier": "UA"}\n{"carrier": 7, "dep_at": "2013-01-01T00:00:00Z"}\n'
        place.do("produce", "departures", "-", "--format", "jsonl", stdin=bad)
        place.do(*PRODUCE)
        server.wait_applied()
        # They are counted once they are durable, a moment after the good ones can be looked up.
        server.wait_until(lambda: _source(place)["dead_letters"] == 3, "count three dead letters")
        assert _source(place)["state"] == "running"
        topics = {topic["name"]: topic["next_offsets"] for topic in json.loads(place.do("topics", "--json"))["topics"]}
        assert topics == {"departures": [7], "thalweg.dead-letters.departures": [3]}
        answer = json.loads(place.do("get", "delays", "carrier=UA", "--at", NOON, "--json"))
        assert answer["rows"][0]["carrier_delays__departures_1d"]["value"] == 3


def _source(place: Place) -> dict[str, Any]:
    """The status of the one source."""
    (source,) = json.loads(place.do("status", "--json"))["sources"]
    assert isinstance(source, dict)
    return source


def test_http_tells_health_readiness_and_figures(small_server: Server) -> None:
    assert small_server.get("/healthz") == (200, "ok\n")
    assert small_server.get("/readyz") == (200, "ready\n")
    code, figures = small_server.get("/metrics")
    assert code == 200 and re.search(r"^# TYPE thalweg_\w+ ", figures, re.MULTILINE)
    assert small_server.get("/nothing")[0] == 404
