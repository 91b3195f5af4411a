"""A commit's Arrow data is the same, byte for byte and batch for batch, whatever happened since; or it is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
import thalweg
from process import Place

ROWS = 20_000
KEYS = 500
PARTITIONS = 3

DEFINITIONS = """
sources:
  - name: ticks
    topic: ticks
    format: json
    fields: {key: string, number: float64, at: timestamp, seen: timestamp}
    event_time: at
    append_time: "@timestamp"
entities:
  - name: key
    join_keys: {key: string}
feature_views:
  - name: totals
    entity: key
    source: ticks
    features:
      numbers: {aggregate: [sum, stddev, last], of: number, windows: [10s, 1h]}
feature_services:
  - name: all
    features: ["totals:*"]
"""


def produce(place: Place, numbers: range) -> None:
    """Events of many keys over all partitions, appended as they happen."""
    rows = (
        {"key": f"k{n * 7919 % KEYS}", "number": n / 3, "at": 1_000_000 * n, "seen": 1_000_000 * n + 500_000}
        for n in numbers
    )
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    options = ("--partitions", str(PARTITIONS), "--key", "key", "--timestamp", "seen")
    place.do("produce", "ticks", "-", "--format", "jsonl", *options, stdin=text)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Three partitions of several segments each."""
    place = Place.new(tmp_path / "place", clock="stream")
    settings = place.folder / "thalweg.yaml"
    settings.write_text(settings.read_text().replace("dir: log", "dir: log, segment_bytes: 16384"))
    (place.folder / "all.yaml").write_text(DEFINITIONS)
    place.do("apply", "-f", "all.yaml")
    for first in range(0, ROWS, 4_000):
        produce(place, range(first, first + 4_000))
    return place


def spine() -> pa.Table:
    """More rows than fit one batch, in no order."""
    at = [1_000_000 * (n * 31 % ROWS) for n in range(ROWS)]
    keys = [f"k{n * 13 % (KEYS + 3)}" for n in range(ROWS)]
    return pa.table({"key": keys, "event_timestamp": pa.array(at, pa.timestamp("us", "UTC"))})


def made(place: Place, as_of: str, pin: str | None = None) -> tuple[str, str, int]:
    """The commit of the training set, a hash of its batches as one Arrow stream, each as it came, and their number."""
    with thalweg.Client(place.grpc, timeout=120) as client:
        asked = {"feature_service": "all", "as_of": as_of, "statuses": True, "pin": pin}
        training_set = client.get_historical_features(spine(), **asked)
        batches = training_set.to_arrow().to_batches()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return training_set.commit, hashlib.sha256(sink.getvalue()).hexdigest(), len(batches)


@pytest.mark.parametrize("as_of", ["event_time", "known"])
def test_a_commit_is_the_same_bytes_after_all_that_can_happen(place: Place, as_of: str) -> None:
    with place.serving() as server:
        server.wait_applied()
        first = commit, _, batches = made(place, as_of)
        assert batches > 1
    with place.serving() as server:
        assert made(place, as_of, commit) == first, "after a restart"
        produce(place, range(ROWS, ROWS + 500))
        server.wait_applied()
        assert made(place, as_of, commit) == first, "after more was appended"
        assert made(place, as_of)[0] != commit
        place.do("backfill", "totals")
        assert made(place, as_of, commit) == first, "after the view was built again"
    # The commit is a note beside the state: what it pins outlives both.
    shutil.copytree(place.folder / "state" / "manifests", place.folder / "manifests")
    shutil.rmtree(place.folder / "state")
    place.do("apply", "-f", "all.yaml")
    shutil.copytree(place.folder / "manifests", place.folder / "state" / "manifests", dirs_exist_ok=True)
    with place.serving():
        assert made(place, as_of, commit) == first, "over a new state, while that is being built"


def test_what_a_deleted_segment_held_is_refused_with_partition_and_offsets(place: Place) -> None:
    with place.serving() as server:
        server.wait_applied()
        commit, _, _ = made(place, "event_time")
    segments = sorted((place.folder / "log" / "ticks-1").glob("*.log"))
    assert len(segments) > 2
    segments[0].unlink()
    gone_until = int(segments[1].stem) - 1
    with place.serving():
        with pytest.raises(thalweg.OutOfRange, match=rf"offsets 0 to {gone_until} of ticks-1"):
            made(place, "event_time", commit)
