"""What tests share: a server with a few departures, and the real flights' folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import thalweg
from broker import Broker
from process import Place, Server

ROOT = Path(__file__).resolve().parents[2]
SMALL = Path(__file__).resolve().parent / "small"
NYC13 = ROOT / "examples" / "nyc13"

#: Topic, the field its records are keyed by, the field that becomes the record's timestamp.
NYC13_TOPICS = [
    ("departures", "tailnum", "dep_at"),
    ("arrivals", "tailnum", "arr_at"),
    ("weather", "origin", "observed_at"),
    ("planes", "tailnum", "known_at"),
]


@pytest.fixture(scope="session")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the departures of `small/`. Tests may append departures of carriers of their own."""
    place = Place.new(tmp_path_factory.mktemp("small"))
    with place.serving() as server:
        place.do("apply", "-f", SMALL / "features.yaml")
        place.do(
            "produce",
            "departures",
            SMALL / "departures.jsonl",
            "--key",
            "carrier",
            "--timestamp",
            "dep_at",
        )
        server.wait_applied()
        yield server


@pytest.fixture(params=["server", "files"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place of its own with the small departures; commands find the server there, or work on the files."""
    place = Place.new(tmp_path)
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    if request.param == "files":
        yield place
    else:
        with place.serving():
            yield place


@pytest.fixture
def client(small_server: Server) -> Iterator[thalweg.Client]:
    """A client of the small server."""
    with thalweg.Client(small_server.address, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that nobody ends. Tests that need topics of theirs alone start one of their own."""
    with Broker.running(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="session", params=["embedded", "kafka"])
def nyc13_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all flights, all weather and all aircraft, in four partitions a topic, from either log."""
    kafka = request.getfixturevalue("kafka_broker").address if request.param == "kafka" else None
    place = Place.new(tmp_path_factory.mktemp("nyc13"), clock="stream", kafka=kafka)
    with place.serving() as server:
        place.do("apply", "-f", NYC13 / "features")
        for topic, key, time in NYC13_TOPICS:
            file = NYC13 / "data" / f"{topic}.parquet"
            place.do("produce", topic, file, "--key", key, "--timestamp", time, "--partitions", "4")
        server.wait_applied()
        yield server
