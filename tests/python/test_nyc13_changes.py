"""A definition of the real flights changed while they come in and are asked about: no lookup fails, none mixes
versions, and what each says equals the training rows of its version at its instant and its offsets, bit for bit."""

from __future__ import annotations

import copy
import random
import shutil
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import thalweg
from bits import difference
from conftest import NYC13, NYC13_TOPICS
from nyc13_expected import spine
from process import Place

SERVICE = "delay_model"
CHANGED_VIEW = "carrier_departures"
KEYS = ["carrier", "origin", "dest", "tailnum"]

#: Departures whose entities are asked for, all in one lookup.
ROWS = 20

#: Answers of each version that are held against training rows.
COMPARED = 3

#: Pieces that the second half of the arrivals comes in.
PIECES = 20


class Lookups(threading.Thread):
    """Asks for the same entities without pause and keeps every answer."""

    def __init__(self, address: str, rows: pa.Table) -> None:
        super().__init__(daemon=True)
        self.address, self.rows = address, rows
        self.answers: list[thalweg.OnlineResponse] = []
        self.failed: list[Exception] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        with thalweg.Client(self.address, timeout=60) as client:
            while not self.stopping.is_set() and not self.failed:
                try:
                    self.answers.append(client.get_online_features(feature_service=SERVICE, entity_rows=self.rows))
                except thalweg.ThalwegError as error:
                    self.failed.append(error)

    def stop(self) -> None:
        """Ends the thread."""
        self.stopping.set()
        self.join(timeout=60)


def assert_equals_training(client: thalweg.Client, rows: pa.Table, answer: thalweg.OnlineResponse) -> None:
    """Holds an answer against training rows of the registered definitions at its instant and offsets."""
    at = pa.array([answer.at] * rows.num_rows, pa.timestamp("us", "UTC"))
    given = rows.append_column("event_timestamp", at)
    ask: dict[str, Any] = {"feature_service": SERVICE, "statuses": True}
    pin = copy.deepcopy(client.get_historical_features(given, **ask).pin)
    for topic, pinned in pin.items():
        pinned["next_offsets"] = [answer.applied[topic].get(number, 0) for number in range(len(pinned["next_offsets"]))]
    trained = client.get_historical_features(given, **ask, pin=pin).to_arrow()
    online = answer.to_arrow(include_statuses=True)
    columns = [name for name in online.column_names if name not in KEYS]
    differences = {
        name: found
        for name in columns
        if (found := difference(online[name].combine_chunks(), trained[name].combine_chunks()))
    }
    assert differences == {}, f"at {answer.at}, {answer.applied}"


def test_a_definition_changed_under_load_answers_as_its_versions_train(tmp_path: Path) -> None:
    for folder in ("features", "schemas"):
        shutil.copytree(NYC13 / folder, tmp_path / folder)
    changed = tmp_path / "changed"
    shutil.copytree(tmp_path / "features", changed)
    departures = changed / "departures.yaml"
    departures.write_text(departures.read_text().replace("dep_delay > 15 then", "dep_delay > 30 then"))
    entities = spine(NYC13 / "data").select(KEYS)
    rows = entities.take(sorted(random.Random(2013).sample(range(entities.num_rows), ROWS)))
    arrivals = pq.read_table(NYC13 / "data" / "arrivals.parquet")
    half = arrivals.num_rows // 2

    place = Place.new(tmp_path / "place", clock="stream")
    with place.serving() as server, thalweg.Client(place.grpc, timeout=300) as client:
        place.do("apply", "-f", tmp_path / "features")
        for topic, key, time in NYC13_TOPICS:
            table = pq.read_table(NYC13 / "data" / f"{topic}.parquet")
            table = table.slice(0, half) if topic == "arrivals" else table
            client.produce(topic, table, key=key, timestamp=time, partitions=4)
        server.wait_applied()

        lookups = Lookups(server.address, rows)
        lookups.start()
        try:
            place.do("apply", "-f", changed)
            step = -(-(arrivals.num_rows - half) // PIECES)
            for start in range(half, arrivals.num_rows, step):
                client.produce("arrivals", arrivals.slice(start, step), key="tailnum", timestamp="arr_at")
            server.wait_applied()
        finally:
            lookups.stop()
        assert not lookups.failed, lookups.failed

        versions = [answer.versions[CHANGED_VIEW] for answer in lookups.answers]
        old, new = versions[0], versions[-1]
        split = versions.index(new)
        assert old != new and versions == [old] * split + [new] * (len(versions) - split)
        chance = random.Random(30)
        by_version = [lookups.answers[:split], lookups.answers[split:]]
        for answer in [*chance.sample(by_version[1], min(COMPARED, len(by_version[1]))), lookups.answers[-1]]:
            assert_equals_training(client, rows, answer)
        # Training follows what is registered at once: with the first definitions again, the first answers are its rows.
        place.do("apply", "-f", tmp_path / "features")
        for answer in [*chance.sample(by_version[0], min(COMPARED, split)), lookups.answers[split - 1]]:
            assert_equals_training(client, rows, answer)
