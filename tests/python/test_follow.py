"""Events that come as they are appended, for ever."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import thalweg
from process import Place, Server

DEFINITIONS = """
sources:
  - name: ticks
    topic: ticks
    format: json
    fields: {n: int64, at: timestamp}
    event_time: at
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose log has a hundred events in two partitions."""
    place = Place.new(tmp_path)
    (tmp_path / "all.yaml").write_text(DEFINITIONS)
    settings = tmp_path / "thalweg.yaml"
    settings.write_text(settings.read_text() + "limits: {followers: 2}\n")
    with place.serving() as server:
        place.do("apply", "-f", "all.yaml")
        produce(place, range(100))
        yield server


def produce(place: Place, numbers: range) -> None:
    """Events spread over two partitions."""
    text = "".join(json.dumps({"n": n, "at": n}) + "\n" for n in numbers).encode()
    place.do("produce", "ticks", "-", "--format", "jsonl", "--partitions", "2", "--key", "n", stdin=text)


def take(reader: Iterator[object], count: int) -> list[dict[str, int]]:
    """So many events; there must be that many."""
    rows: list[dict[str, int]] = []
    while len(rows) < count:
        rows.extend(next(reader).to_pylist())  # type: ignore[attr-defined]
    return rows


def test_what_is_appended_comes_as_it_is_appended(server: Server) -> None:
    with thalweg.Client(server.address, timeout=1) as client:
        reader = client.get_events("ticks", follow=True)
        rows = take(reader, 100)
        assert sorted(row["n"] for row in rows) == list(range(100))
        later = threading.Timer(1.5, produce, (server.place, range(100, 105)))
        later.start()
        more = take(reader, 5)
        later.join()
        assert sorted(row["n"] for row in more) == list(range(100, 105)), "past the client's timeout"
        offsets = [max(row["_offset"] + 1 for row in rows if row["_partition"] == number) for number in (0, 1)]
        again = take(client.get_events("ticks", follow=True, offsets=offsets), 5)
        assert sorted(row["n"] for row in again) == list(range(100, 105)), "where another reader was cut off"
        rest = client.get_events("ticks", offsets=offsets).read_all()
        assert sorted(rest["n"].to_pylist()) == list(range(100, 105))


def test_a_reader_that_goes_away_leaves_its_place(server: Server) -> None:
    with thalweg.Client(server.address) as client:
        for _ in range(5):
            reader = client.get_events("ticks", follow=True)
            take(reader, 100)
            reader.close()
            server.wait_until(lambda: follows(client), "let go of a place")
        held = [client.get_events("ticks", follow=True) for _ in range(2)]
        for reader in held:
            take(reader, 1)
        with pytest.raises(thalweg.ResourceExhausted, match="2 streams follow topics already.*limits.followers"):
            take(client.get_events("ticks", follow=True), 1)


def follows(client: thalweg.Client) -> bool:
    """Whether a stream may follow now."""
    try:
        take(client.get_events("ticks", follow=True), 1)
    except thalweg.ResourceExhausted:
        return False
    return True


def test_what_does_not_go_with_following_is_refused(server: Server) -> None:
    with thalweg.Client(server.address) as client:
        with pytest.raises(thalweg.InvalidArgument, match="`follow` never ends: leave"):
            client.get_events("ticks", follow=True, end="2030-01-01T00:00:00Z")
        with pytest.raises(thalweg.InvalidArgument, match="dead letters have others"):
            client.get_events("ticks", offsets=[1], dead_letters=True)
        with pytest.raises(thalweg.NotFound, match="no registered source reads topic"):
            client.get_events("tocks", follow=True)
        with pytest.raises(thalweg.OutOfRange, match="offset 5000 is not among them"):
            take(client.get_events("ticks", follow=True, offsets=[5000]), 1)


def test_a_server_that_stops_ends_its_streams(server: Server) -> None:
    with thalweg.Client(server.address) as client:
        reader = client.get_events("ticks", follow=True)
        take(reader, 100)
        assert server.stop() == 0
        with pytest.raises(thalweg.ThalwegError):
            take(reader, 1)
