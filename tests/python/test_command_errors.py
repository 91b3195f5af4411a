"""What commands say when they cannot: words on standard error, and an exit code of 1 or 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import SMALL
from process import Place, Server

GOOD = (SMALL / "features.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("sources: [\n", ":2:1: not YAML", id="broken YAML"),
        pytest.param(GOOD.replace("of: dep_delay", "of: dep_dealy"), "did you mean `dep_delay`", id="unknown field"),
        pytest.param(GOOD.replace("entity: carrier", "entitty: carrier"), "did you mean `entity`", id="unknown key"),
        pytest.param(GOOD.replace("of: dep_delay", 'of: "dep_delay and 1"'), "", id="type error"),
        pytest.param(
            GOOD.replace("aggregate: count", "aggregate: cuont"), "did you mean `count`", id="unknown aggregation"
        ),
        pytest.param(GOOD.replace("entity: carrier", "entity: plane"), "plane", id="unknown entity"),
        pytest.param(GOOD.replace('"carrier_delays:*"', '"carrier_delay:*"'), "carrier_delay", id="unknown view"),
        pytest.param(GOOD.replace("last_dest:  dest", "departures_1d: dest"), "departures_1d", id="clashing names"),
        pytest.param(GOOD.replace("of: dep_delay", 'of: "random()"'), "random", id="function that is not allowed"),
        pytest.param(GOOD.replace("windows: [1d]", "windows: [1y]"), "1y", id="unknown duration"),
    ],
)
def test_mistakes_in_definitions(tmp_path: Path, text: str, words: str) -> None:
    place = Place.new(tmp_path)
    file = tmp_path / "features.yaml"
    file.write_text(text)
    for command in ("plan", "apply"):
        outcome = place.run(command, "-f", file)
        assert outcome.code == 2 and outcome.out == ""
        assert outcome.err.startswith("INVALID_ARGUMENT: ")
        # Every mistake has its place: file, line, column.
        assert f"{file}:" in outcome.err and words in outcome.err


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    file = tmp_path / "features.yaml"
    file.write_text(GOOD.replace("of: dep_delay", "of: dep_dealy").replace("aggregate: count", "aggregate: cuont"))
    outcome = place.run("apply", "-f", file)
    assert outcome.err.count(f"{file}:") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("get", "dleays", "carrier=UA"), 1, "NOT_FOUND: there is no feature service `dleays`; there are: delays"),
        (("get", "delays", "tail=UA"), 2, "lacks join key `carrier`"),
        (("get", "delays", "carrier"), 2, "write it as carrier=UA"),
        (("get", "delays", "carrier=UA", "--at", "noon"), 2, "`noon` is no instant"),
        (("produce", "nope", SMALL / "departures.jsonl"), 1, "NOT_FOUND: no registered source reads topic `nope`"),
        (("produce", "departures", "none.jsonl"), 2, "none.jsonl cannot be read"),
        (("produce", "departures", "-"), 2, "say so with --format"),
        (("training-set", "delays", "--spine", "none.parquet", "-o", "x"), 2, "none.parquet cannot be read"),
        (("training-set", "dleays", "--spine", "{spine}", "-o", "x"), 1, "NOT_FOUND: there is no feature service"),
        (("frobnicate",), 2, "unrecognized subcommand"),
        (("status", "--server", "127.0.0.1:1"), 1, "UNAVAILABLE: no server answers at 127.0.0.1:1"),
    ],
)
def test_requests_that_cannot_be_met(
    small_server: Server, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    spine = tmp_path / "spine.csv"
    spine.write_text("carrier,event_timestamp\nUA,2013-01-01T12:00:00\n")
    outcome = small_server.place.run(*(str(argument).format(spine=spine) for argument in arguments), stdin=b"")
    assert (outcome.code, outcome.out) == (code, "")
    assert words in outcome.err


def test_a_log_has_one_writer(small_server: Server) -> None:
    place = small_server.place
    other = Place(place.folder, "127.0.0.1:1", "127.0.0.1:1")
    outcome = other.run("topics")
    assert outcome.code == 1
    assert outcome.err.startswith("FAILED_PRECONDITION: ")
    assert f"in use by process {small_server.process.pid}" in outcome.err


def test_settings_that_are_unknown(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    (tmp_path / "thalweg.yaml").write_text("listen:\n  grcp: 127.0.0.1:1\n")
    outcome = place.run("serve")
    assert outcome.code == 2
    assert "thalweg.yaml:2:3: unknown setting `listen.grcp`; did you mean `listen.grpc`?" in outcome.err
