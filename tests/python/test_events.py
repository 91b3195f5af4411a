"""Events and dead letters of a topic, by the command and by the client, with a server and without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import thalweg
from conftest import SMALL
from process import Place, Server

BAD = [b"this is no JSON", b'{"carrier": "UA"}', b'{"dep_at": "2013-01-01T00:00:00Z"}']
#: What is wrong with each, in part, and the view it is dead for.
REASONS = [("", None), ("dep_at", None), ("carrier", "carrier_delays")]
BEFORE_11 = ("--from", "2013-01-01T10:33:00Z", "--to", "2013-01-01T11:00:00")


@pytest.fixture(scope="module", params=["server", "files"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Four good departures and three bad ones, which a server has read; commands find it, or it is gone."""
    place = Place.new(tmp_path_factory.mktemp("events"))
    with place.serving() as server:
        place.do("apply", "-f", SMALL / "features.yaml")
        place.do("produce", "departures", SMALL / "departures.jsonl", "--key", "carrier", "--timestamp", "dep_at")
        place.do("produce", "departures", "-", "--format", "jsonl", stdin=b"\n".join(BAD))
        with thalweg.Client(server.address) as client:
            server.wait_until(lambda: client.status().sources[0].dead_letters == 3, "count three dead letters")
        if request.param == "server":
            yield place
    if request.param == "files":
        yield place


def _written(place: Place, *arguments: str) -> pa.Table:
    out = place.folder / "out.parquet"
    outcome = place.run("events", *arguments, "-o", out, "--json")
    assert outcome.code == 0, outcome
    table = pq.read_table(out)
    assert outcome.json == {"topic": arguments[0], "rows": table.num_rows, "file": str(out)}
    return table


def test_events_are_what_could_be_decoded(place: Place) -> None:
    table = _written(place, "departures")
    fields = ["carrier", "dep_at", "dep_delay", "dest", "flight_id"]
    assert table.column_names == [*fields, "_topic", "_partition", "_offset", "_timestamp"]
    # A record may be decoded and still be no event: those without a time or a key are.
    assert table["_offset"].to_pylist() == [0, 1, 2, 3, 5, 6]
    assert table["carrier"].to_pylist() == ["UA", "UA", "AA", "UA", "UA", None]
    assert table["_timestamp"].to_pylist()[:4] == table["dep_at"].to_pylist()[:4]
    assert set(table["_topic"].to_pylist()) == {"departures"}


def test_events_of_a_stretch_of_time(place: Place) -> None:
    assert _written(place, "departures", *BEFORE_11)["flight_id"].to_pylist() == [1, 2]
    said = place.do("events", "departures", *BEFORE_11, "-o", place.folder / "two.parquet")
    assert said == f"2 events in {place.folder / 'two.parquet'}\n"


def test_dead_letters_say_what_is_wrong_and_where(place: Place) -> None:
    table = _written(place, "departures", "--dead-letters")
    about = ["_topic", "_partition", "_offset", "_timestamp", "_view", "_reason", "_key", "_value"]
    assert table.column_names == about
    assert table["_offset"].to_pylist() == [4, 5, 6]
    assert table["_value"].to_pylist() == BAD
    assert table["_key"].null_count == 3
    assert table["_view"].to_pylist() == [view for _, view in REASONS]
    for reason, (words, _) in zip(table["_reason"].to_pylist(), REASONS):
        assert reason and words in reason
    assert _written(place, "departures", "--dead-letters", *BEFORE_11).num_rows == 0
    assert "3 dead letters" in place.do("events", "departures", "--dead-letters", "-o", place.folder / "x.parquet")


def test_what_cannot_be_written_is_said(place: Place) -> None:
    out = place.folder / "none.parquet"
    for arguments, code, words in [
        (("arrivals",), 1, "NOT_FOUND: no registered source reads topic `arrivals`"),
        (("departures", "--from", "noon"), 2, "`noon` is no instant"),
        (("departures", "--to"), 2, "a value is required"),
    ]:
        outcome = place.run("events", *arguments, "-o", out)
        assert (outcome.code, outcome.out) == (code, "") and words in outcome.err
    assert not out.exists()
    nowhere = place.run("events", "departures", "-o", place.folder / "no" / "folder.parquet")
    assert nowhere.code == 2 and "cannot be written" in nowhere.err


@pytest.mark.parametrize("flag", [(), ("--dead-letters",)])
def test_the_client_gives_what_the_command_writes(small_server: Server, flag: tuple[str, ...]) -> None:
    # Other tests append departures: later ones are left out.
    written = _written(small_server.place, "departures", "--to", "2013-01-01T11:00:00Z", *flag)
    with thalweg.Client(small_server.address, timeout=60) as client:
        events = client.get_events("departures", end="2013-01-01T11:00:00Z", dead_letters=bool(flag))
        assert events.read_all() == written


def test_a_topic_without_dead_letters_has_none(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    assert _written(place, "departures", "--dead-letters").num_rows == 0
    assert _written(place, "departures").num_rows == 4
