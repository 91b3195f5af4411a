"""Tables: records that replace each other and delete, produced by the command and by the client."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import thalweg
from process import Place, Server

DEFINITIONS = """
sources:
  - name: gates
    topic: gates
    kind: table
    format: json
    event_time: changed
    fields: {flight: string, day: date, changed: timestamp, gate: string}
  - name: crews
    topic: crews
    kind: table
    format: avro
    schema:
      type: record
      name: Crew
      fields:
        - {name: flight, type: string}
        - {name: changed, type: {type: long, logicalType: timestamp-micros}}
        - {name: captain, type: string}
    event_time: changed
entities:
  - {name: departure, join_keys: {flight: string, day: date}}
  - {name: flight, join_keys: {flight: string}}
feature_views:
  - {name: gates, entity: departure, source: gates, lookback: unbounded, features: {gate: gate}}
  - {name: crews, entity: flight, source: crews, lookback: unbounded, features: {captain: captain}}
feature_services:
  - {name: board, features: ["gates:*", "crews:*"]}
"""

GATES = b"""
{"flight": "UA 15", "day": "2019-04-02", "changed": "2019-04-02T10:00:00Z", "gate": "C101"}
{"flight": "UA 15", "day": "2019-04-03", "changed": "2019-04-02T10:00:00Z", "gate": "C74"}
{"flight": "UA 15", "day": "2019-04-02", "changed": "2019-04-02T11:00:00Z", "@tombstone": true}
"""

CREWS = "flight,changed,captain,@tombstone\nUA 15,2019-04-02T10:00:00Z,Akana,\nUA 15,2019-04-02T11:00:00Z,,true\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two tables, from each of which something is deleted."""
    place = Place.new(tmp_path_factory.mktemp("tables"))
    (place.folder / "features").mkdir()
    (place.folder / "features" / "tables.yaml").write_text(DEFINITIONS)
    (place.folder / "crews.csv").write_text(CREWS)
    with place.serving() as server:
        place.do("apply", "-f", "features")
        produced = ("--key", "flight,day", "--timestamp", "changed")
        place.do("produce", "gates", "-", "--format", "jsonl", *produced, stdin=GATES)
        place.do("produce", "crews", "crews.csv", "--key", "flight", "--timestamp", "changed")
        server.wait_applied()
        yield server


def _get(server: Server, day: str, at: str) -> dict[str, tuple[object, str]]:
    said = server.place.do("get", "board", "flight=UA 15", f"day={day}", "--at", at, "--json")
    return {name: (cell["value"], cell["status"]) for name, cell in json.loads(said)["rows"][0].items() if "__" in name}


def test_a_lookup_finds_what_stands(server: Server) -> None:
    before = {"gates__gate": ("C101", "PRESENT"), "crews__captain": ("Akana", "PRESENT")}
    assert _get(server, "2019-04-02", "2019-04-02T10:30:00Z") == before
    deleted = {"gates__gate": (None, "NOT_FOUND"), "crews__captain": (None, "NOT_FOUND")}
    assert _get(server, "2019-04-02", "2019-04-02T11:00:00Z") == deleted
    assert _get(server, "2019-04-03", "2019-04-02T11:00:00Z")["gates__gate"] == ("C74", "PRESENT")


def test_a_training_set_finds_the_same(server: Server) -> None:
    spine = pa.table({
        "flight": ["UA 15", "UA 15"],
        "day": pa.array([17988, 17988], pa.int32()).cast(pa.date32()),
        "event_timestamp": ["2019-04-02T10:30:00Z", "2019-04-02T11:00:00Z"],
    })
    spine = spine.set_column(2, "event_timestamp", spine["event_timestamp"].cast(pa.timestamp("us", "UTC")))
    pq.write_table(spine, server.place.folder / "spine.parquet")
    out = server.place.folder / "out.parquet"
    server.place.do("training-set", "board", "--spine", "spine.parquet", "--statuses", "-o", out)
    rows = pq.read_table(out)
    assert rows["gates__gate"].to_pylist() == ["C101", None]
    assert rows["crews__captain"].to_pylist() == ["Akana", None]
    assert rows["crews__captain__status"].to_pylist() == ["PRESENT", "NOT_FOUND"]


def test_events_of_a_table_say_what_was_deleted(server: Server) -> None:
    out = server.place.folder / "events.parquet"
    server.place.do("events", "gates", "-o", out)
    events = pq.read_table(out)
    assert events["_deleted"].to_pylist() == [False, False, True]
    assert events["gate"].to_pylist() == ["C101", "C74", None]
    assert [json.loads(key) for key in events["_key"].to_pylist()][2] == {"flight": "UA 15", "day": "2019-04-02"}
    server.place.do("events", "crews", "-o", out)
    assert pq.read_table(out)["_key"].to_pylist() == [b"UA 15", b"UA 15"]


def test_the_client_deletes(server: Server) -> None:
    with thalweg.Client(server.address, timeout=60) as client:
        rows = [
            {"flight": "HA 51", "changed": "2019-04-02T10:00:00Z", "captain": "Kealoha", "@tombstone": False},
            {"flight": "HA 51", "changed": "2019-04-02T11:00:00Z", "captain": None, "@tombstone": True},
        ]
        written = client.produce("crews", rows, key="flight", timestamp="changed")
        for at, captain, status in [("10:30", "Kealoha", "PRESENT"), ("11:00", None, "NOT_FOUND")]:
            answer = client.get_online_features(
                ["crews:captain"], [{"flight": "HA 51"}], at=f"2019-04-02T{at}:00Z", min_offsets=written
            )
            assert answer.to_dict()["crews__captain"] == [captain]
            assert answer.statuses["crews__captain"] == [status]


def test_a_delete_in_a_stream_is_refused(small_server: Server) -> None:
    line = b'{"flight_id": 1, "carrier": "UA", "dep_at": "2013-01-01T00:00:00Z", "@tombstone": true}'
    outcome = small_server.place.run("produce", "departures", "-", "--format", "jsonl", stdin=b"{}\n" + line)
    assert outcome.code == 2, outcome
    assert "line 2 of the batch is marked `@tombstone`, and source `departures` is a stream" in outcome.err, outcome


def test_a_delete_without_a_key_is_refused(server: Server) -> None:
    line = b'{"flight": "UA 15", "@tombstone": true}'
    outcome = server.place.run("produce", "gates", "-", "--format", "jsonl", stdin=line)
    assert outcome.code == 2 and "deletes and has no key" in outcome.err, outcome
    line = b'{"flight": "UA 15", "@tombstone": "yes"}'
    outcome = server.place.run("produce", "gates", "-", "--format", "jsonl", "--key", "flight", stdin=line)
    assert outcome.code == 2 and "must be true or false" in outcome.err, outcome
