"""A server whose events live in a real Kafka cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import thalweg
from broker import Broker
from conftest import SMALL
from process import Place

NOON = "2013-01-01T12:00:00Z"
PRODUCE = ("produce", "departures", SMALL / "departures.jsonl", "--key", "carrier", "--timestamp", "dep_at")
SPINE = "carrier,event_timestamp\nUA,2013-01-01T12:00:00\nUA,2013-01-01T10:30:00\nAA,2013-01-01T12:00:00\n"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of one's own."""
    with Broker.running(tmp_path / "broker") as broker:
        yield broker


def test_kafka_and_the_embedded_log_give_the_same(broker: Broker, tmp_path: Path) -> None:
    given = []
    for place in (Place.new(tmp_path / "embedded"), Place.new(tmp_path / "kafka", kafka=broker.address)):
        (place.folder / "spine.csv").write_text(SPINE)
        with place.serving() as server:
            place.do("apply", "-f", SMALL / "features.yaml")
            produced = json.loads(place.do(*PRODUCE, "--partitions", "3", "--json"))
            bad = b'this is no JSON\n{"carrier": "UA"}\n'
            place.do("produce", "departures", "-", "--format", "jsonl", "--partition", "0", stdin=bad)
            server.wait_applied()
            answers = json.loads(place.do("get", "delays", "carrier=UA", "--at", NOON, "--json"))["rows"]
            spine = place.folder / "spine.csv"
            ask = ("training-set", "delays", "--spine", spine, "--statuses", "--as-of")
            sets = []
            for as_of in ("event_time", "known"):
                place.do(*ask, as_of, "-o", place.folder / "set.parquet")
                sets.append(pq.read_table(place.folder / "set.parquet").replace_schema_metadata(None))
            with thalweg.Client(server.address, timeout=60) as client:
                events = client.get_events("departures").read_all()
                dead = client.get_events("departures", dead_letters=True).read_all()
            given.append((produced, answers, sets, _in_order(events), sorted(dead["_offset"].to_pylist())))
    embedded, kafka = given
    for of_embedded, of_kafka in zip(embedded, kafka, strict=True):
        assert of_kafka == of_embedded


def _in_order(events: pa.Table) -> list[dict[str, Any]]:
    """Events by partition and offset; records without a timestamp of their own have the time of their arrival."""
    rows = [row for row in events.to_pylist() if row["dep_at"] is not None]
    return sorted(rows, key=lambda row: (row["_partition"], row["_offset"]))


def test_a_restart_goes_on_where_the_state_stands(broker: Broker, tmp_path: Path) -> None:
    place = Place.new(tmp_path / "place", kafka=broker.address)
    ask = ("get", "delays", "carrier=UA", "--at", NOON, "--json")
    with place.serving() as server:
        place.do("apply", "-f", SMALL / "features.yaml")
        place.do(*PRODUCE)
        server.wait_applied()
        before = json.loads(place.do(*ask))
    with place.serving() as server:
        server.wait_applied()
        assert json.loads(place.do(*ask)) == before
        place.do(*PRODUCE)
        server.wait_applied()
        assert json.loads(place.do(*ask))["rows"][0]["carrier_delays__departures_1d"]["value"] == 6


def test_a_broker_that_is_away_is_waited_for_and_told_of(broker: Broker, tmp_path: Path) -> None:
    place = Place.new(tmp_path / "place", kafka=broker.address)
    ask = ("get", "delays", "carrier=UA", "--at", NOON, "--json")
    with place.serving() as server:
        place.do("apply", "-f", SMALL / "features.yaml")
        place.do(*PRODUCE)
        server.wait_applied()
        broker.kill()
        server.wait_until(lambda: "does not answer" in server.get("/readyz")[1], "say that the broker is away")
        assert server.get("/readyz")[0] == 503
        # What was applied is answered all the same.
        assert json.loads(place.do(*ask))["rows"][0]["carrier_delays__departures_1d"]["value"] == 3
        broker.start()
        place.do(*PRODUCE)
        server.wait_applied()
        assert json.loads(place.do(*ask))["rows"][0]["carrier_delays__departures_1d"]["value"] == 6


def test_settings_that_cannot_be_are_refused_by_name(tmp_path: Path) -> None:
    place = Place.new(tmp_path, kafka="127.0.0.1:1")
    settings = place.folder / "thalweg.yaml"
    settings.write_text("log: {kafka: {bootstrap.servers: '127.0.0.1:1', isolation.level: read_uncommitted}}\n")
    outcome = place.run("topics")
    assert outcome.code != 0 and "isolation.level" in outcome.err and "committed" in outcome.err
    settings.write_text("log: {kafka: {bootstrap.servers: '127.0.0.1:1'}, embedded: {dir: here}}\n")
    assert "events live in one log" in place.run("topics").err
    settings.write_text("log: {kafka: {bootstrap.servers: '127.0.0.1:1', sasl.password: hush}}\n")
    outcome = place.run("topics")
    assert outcome.code == 1 and "127.0.0.1:1 does not answer" in outcome.err
    assert "hush" not in outcome.err + outcome.out
