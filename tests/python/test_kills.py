"""A server killed at random moments while events are produced: nothing acknowledged is lost, nothing is doubled,
and what it answers is always the fold of a log prefix.

The fold here is Python's own, over the events read back from the log. THALWEG_KILLS and THALWEG_SEED set the
number of kills and the moments.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import thalweg
from process import Place

KILLS = int(os.environ.get("THALWEG_KILLS", "50"))
SEED = int(os.environ.get("THALWEG_SEED", "13"))
KEYS = [f"k{number}" for number in range(7)]
PARTITIONS = 3
LATER_THAN_ALL = dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc)

DEFINITIONS = """
sources:
  - name: ticks
    topic: ticks
    format: json
    fields: {number: int64, key: string, value: float64, at: timestamp}
    event_time: at
    order_by: number
entities:
  - name: key
    join_keys: {key: string}
feature_views:
  - name: totals
    entity: key
    source: ticks
    lookback: unbounded
    features:
      events: {aggregate: count}
      numbers: {aggregate: sum, of: number}
      values: {aggregate: sum, of: value}
      last_number: number
feature_services:
  - name: totals
    features: ["totals:*"]
"""


class Writer(threading.Thread):
    """Produces numbered rows until told to stop, and remembers which were acknowledged."""

    def __init__(self, address: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.address, self.random = address, random.Random(seed)
        self.acknowledged: set[int] = set()
        self.sent = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with thalweg.Client(self.address, timeout=10) as client:
                    while not self.stopping.is_set():
                        rows = self.rows(self.random.randint(1, 60))
                        client.produce("ticks", rows, key=["key"])
                        self.acknowledged.update(rows["number"].to_pylist())
            except thalweg.ThalwegError:
                # The server was killed. What was not acknowledged may be there or not; it is not sent again.
                time.sleep(0.01)

    def stop(self) -> None:
        """Ends the thread; what it sent last is acknowledged or failed."""
        self.stopping.set()
        self.join(timeout=30)

    def rows(self, count: int) -> pa.Table:
        numbers = list(range(self.sent, self.sent + count))
        self.sent += count
        second = [dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(seconds=n // 3) for n in numbers]
        return pa.table(
            {
                "number": pa.array(numbers, pa.int64()),
                "key": [self.random.choice(KEYS) for _ in numbers],
                "value": [self.random.uniform(-1e9, 1e9) for _ in numbers],
                "at": pa.array(second, pa.timestamp("us", "UTC")),
            }
        )


def fold(events: list[dict[str, Any]], applied: dict[int, int], key: str) -> tuple[Any, ...]:
    """What the view's features of `key` are over the events below the applied offsets."""
    seen = [e for e in events if e["key"] == key and e["_offset"] < applied.get(e["_partition"], 0)]
    if not seen:
        return (0, None, None, None)
    last = max(seen, key=lambda e: (e["at"], e["number"]))
    return (len(seen), sum(e["number"] for e in seen), math.fsum(e["value"] for e in seen), last["number"])


def check_prefix(client: thalweg.Client) -> list[dict[str, Any]]:
    """Compares every key's answer with the fold of the prefix it says it rests on; gives the log's events."""
    answer = client.get_online_features(
        feature_service="totals", entity_rows=[{"key": key} for key in KEYS], at=LATER_THAN_ALL
    )
    events = client.get_events("ticks").read_all().to_pylist()
    applied = answer.applied.get("ticks", {})
    columns = answer.to_dict()
    names = [f"totals__{name}" for name in ("events", "numbers", "values", "last_number")]
    for row, key in enumerate(KEYS):
        assert tuple(columns[name][row] for name in names) == fold(events, applied, key), f"{key} at {applied}"
    return events


def check_log(events: list[dict[str, Any]], writer: Writer, acknowledged: set[int]) -> None:
    numbers = [event["number"] for event in events]
    assert len(numbers) == len(set(numbers)), "a row is in the log twice"
    assert acknowledged <= set(numbers), f"acknowledged rows are missing: {sorted(acknowledged - set(numbers))[:10]}"
    assert max(numbers, default=-1) < writer.sent
    for _, of_partition in itertools.groupby(events, lambda event: event["_partition"]):
        offsets = [event["_offset"] for event in of_partition]
        assert offsets == list(range(len(offsets))), "offsets have gaps"


@pytest.mark.skipif(KILLS == 0, reason="THALWEG_KILLS is 0")
def test_what_was_acknowledged_survives_kills_and_states_are_folds_of_prefixes(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    place = Place.new(tmp_path)
    (tmp_path / "ticks.yaml").write_text(DEFINITIONS)
    place.do("apply", "-f", "ticks.yaml")
    place.do("produce", "ticks", "-", "--format", "jsonl", "--partitions", str(PARTITIONS), stdin=b"")
    writer = Writer(place.grpc, SEED)
    writer.start()
    try:
        for _ in range(KILLS):
            with place.serving() as server, thalweg.Client(place.grpc, timeout=30) as client:
                acknowledged = set(writer.acknowledged)
                check_log(check_prefix(client), writer, acknowledged)
                time.sleep(moments.uniform(0.02, 0.4))
                server.stop(signal.SIGKILL)
        with place.serving() as server, thalweg.Client(place.grpc, timeout=30) as client:
            writer.stop()
            server.wait_applied()
            events = check_prefix(client)
            check_log(events, writer, writer.acknowledged)
            applied = client.status().partitions
            assert sum(partition.applied for partition in applied) == len(events)
        assert len(writer.acknowledged) > 10 * KILLS, "too little was written for the kills to mean anything"
    finally:
        writer.stop()
