"""`thalweg backfill`: views are built again from the log, and are the way out where the log lost what a state needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from process import Place, Server

DEFINITIONS = """
sources:
  - name: ticks
    topic: ticks
    format: json
    fields: {key: string, number: int64, at: timestamp}
    event_time: at
  - name: others
    topic: others
    format: json
    fields: {key: string, at: timestamp}
    event_time: at
entities:
  - name: key
    join_keys: {key: string}
feature_views:
  - name: totals
    entity: key
    source: ticks
    features: {numbers: {aggregate: sum, of: number}}
  - name: counts
    entity: key
    source: ticks
    features: {events: {aggregate: count}}
  - name: apart
    entity: key
    source: others
    features: {events: {aggregate: count}}
feature_services:
  - name: all
    features: ["totals:*", "counts:*", "apart:*"]
  - name: apart
    features: ["apart:*"]
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A log with definitions over two topics, and no server."""
    place = Place.new(tmp_path / "place", clock="stream")
    settings = place.folder / "thalweg.yaml"
    settings.write_text(settings.read_text().replace("dir: log", "dir: log, segment_bytes: 1024"))
    (place.folder / "all.yaml").write_text(DEFINITIONS)
    place.do("apply", "-f", "all.yaml")
    return place


def produce(place: Place, numbers: range) -> None:
    """Events of one key, the same in both topics but for the number."""
    rows = [{"key": "a", "number": n, "at": 1_000_000 * (n + 1)} for n in numbers]
    place.do("produce", "ticks", "-", "--format", "jsonl", stdin="".join(json.dumps(row) + "\n" for row in rows).encode())
    rows = [{"key": "a", "at": row["at"]} for row in rows]
    place.do("produce", "others", "-", "--format", "jsonl", stdin="".join(json.dumps(row) + "\n" for row in rows).encode())


def values(place: Place) -> tuple[int, int, int]:
    """The sum and both counts, as looked up."""
    row = json.loads(place.do("get", "all", "key=a", "--json"))["rows"][0]
    names = ["totals__numbers", "counts__events", "apart__events"]
    return tuple(int(row[name]["value"]) for name in names)  # type: ignore[return-value]


def events_apart(place: Place) -> int:
    """The count of the other topic, as looked up by its own clock."""
    return int(json.loads(place.do("get", "apart", "key=a", "--json"))["rows"][0]["apart__events"]["value"])


def states(place: Place) -> dict[str, str]:
    """How each source is doing."""
    return {source["name"]: source["state"] for source in json.loads(place.do("status", "--json"))["sources"]}


def wait_stopped(server: Server) -> str:
    """Waits until the ticks have stopped; why."""
    server.wait_until(lambda: states(server.place)["ticks"].startswith("stopped"), "stop")
    return states(server.place)["ticks"]


def test_views_are_built_again_and_serve_meanwhile(place: Place) -> None:
    produce(place, range(2_000))
    with place.serving() as server:
        server.wait_applied()
        assert values(place) == (sum(range(2_000)), 2_000, 2_000)
        built = json.loads(place.do("backfill", "totals", "--json"))["views"]
        assert [(view["name"], view["keys"]) for view in built] == [("totals", 1)]
        assert values(place) == (sum(range(2_000)), 2_000, 2_000)
        assert place.do("backfill", "--rebuild") == "nothing has stopped; nothing was built\n"
        unknown = place.run("backfill", "total")
        assert unknown.code == 1 and unknown.err.startswith("NOT_FOUND: no feature view `total` serves; there are:")
    assert place.run("backfill").code == 2
    assert place.run("backfill", "totals").err.startswith("UNAVAILABLE: no server answers")


def test_records_that_expired_before_they_were_read(place: Place) -> None:
    produce(place, range(10))
    with place.serving() as server:
        server.wait_applied()
    for first in range(10, 2_000, 398):
        produce(place, range(first, first + 398))
    segments = sorted((place.folder / "log" / "ticks-0").glob("*.log"))
    assert len(segments) > 3
    for expired in segments[:2]:
        expired.unlink()
    start = int(segments[2].stem)
    with place.serving() as server:
        why = wait_stopped(server)
        assert f"the log of ticks-0 begins at offset {start}, but offset 10 was to be read next" in why
        assert "thalweg backfill --rebuild" in why
        server.wait_until(lambda: events_apart(place) == 2_000, "go on with the other topic")
        assert values(place)[:2] == (sum(range(10)), 10), "what was applied is still answered"
        names = [view["name"] for view in json.loads(place.do("backfill", "--rebuild", "--json"))["views"]]
        assert sorted(names) == ["counts", "totals"]
        assert values(place) == (sum(range(start, 2_000)), 2_000 - start, 2_000)
        produce(place, range(2_000, 2_005))
        server.wait_applied()
        assert values(place) == (sum(range(start, 2_005)), 2_005 - start, 2_005)


def test_a_topic_that_was_created_again(place: Place) -> None:
    produce(place, range(100))
    with place.serving() as server:
        server.wait_applied()
    shutil.rmtree(place.folder / "log" / "ticks-0")
    produce(place, range(100, 130))
    with place.serving() as server:
        assert "deleted and created again" in wait_stopped(server)
        place.do("backfill", "--rebuild")
        server.wait_applied()
        assert values(place) == (sum(range(100, 130)), 30, 130)
    with place.serving() as server:
        server.wait_applied()
        assert values(place) == (sum(range(100, 130)), 30, 130)
