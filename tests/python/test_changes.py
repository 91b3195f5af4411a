"""Definitions changed under a running server: lookups never fail, never mix versions, and are at every moment the fold
of a log prefix by the version they name.

The fold here is Python's own. THALWEG_CHANGE_ROWS sets how many rows a build has to read.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import thalweg
from process import Place, Server, binary

ROWS = int(os.environ.get("THALWEG_CHANGE_ROWS", "400000"))
KEYS = ["a", "b", "c", "nobody"]
PARTITIONS = 2
BEGIN = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
LATER_THAN_ALL = dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc)


def definitions(factor: int, more: str = "") -> str:
    """Two views over one topic; the sum of `totals` is `factor` times that of the numbers, under one name."""
    return f"""
sources:
  - name: ticks
    topic: ticks
    format: json
    fields: {{number: int64, key: string, at: timestamp}}
    event_time: at
entities:
  - name: key
    join_keys: {{key: string}}
feature_views:
  - name: totals
    entity: key
    source: ticks
    lookback: unbounded
    features:
      events: {{aggregate: count}}
      numbers: {{aggregate: sum, of: "number * {factor}"}}
  - name: neighbour
    entity: key
    source: ticks
    lookback: unbounded
    features:
      numbers: {{aggregate: sum, of: number}}
{more}
feature_services:
  - name: both
    features: ["totals:*", "neighbour:*"]
"""


MORE = """
  - name: more
    entity: key
    source: ticks
    lookback: unbounded
    features:
      numbers: {aggregate: max, of: number}
"""


class Ticks:
    """What was produced, by partition, and the fold of any prefix of it."""

    def __init__(self) -> None:
        self.produced: list[list[np.ndarray]] = [[] for _ in range(PARTITIONS)]
        self.count = 0

    def produce(self, client: thalweg.Client, partition: int, rows: int) -> None:
        """Appends rows to a partition that nobody else writes to, so that their offsets are known."""
        numbers = np.arange(self.count, self.count + rows)
        self.count += rows
        at = np.datetime64(BEGIN.replace(tzinfo=None), "us") + numbers.astype("timedelta64[s]")
        # Every fourth number has the key b, the others alternate.
        keys = np.where(numbers % 4 == 0, 1, numbers % 2 * 2)
        times = pa.array(at, pa.timestamp("us", "UTC"))
        table = pa.table({"number": numbers, "key": np.array(KEYS)[keys], "at": times})
        client.produce("ticks", table, partition=partition, partitions=PARTITIONS)
        self.produced[partition].append(np.stack([numbers, keys]))

    def folds(self) -> Folds:
        """The folds of all prefixes of what was produced so far."""
        return Folds([np.concatenate(rows, axis=1) for rows in self.produced])


class Folds:
    """Sums over all prefixes of each partition, by key."""

    def __init__(self, partitions: list[np.ndarray]) -> None:
        ones = [np.arange(len(KEYS))[:, None] == keys for _, keys in partitions]
        start = np.zeros((len(KEYS), 1), np.int64)
        self.counts = [np.hstack([start, one.cumsum(axis=1)]) for one in ones]
        self.sums = [np.hstack([start, (one * rows[0]).cumsum(axis=1)]) for one, rows in zip(ones, partitions)]

    def at(self, applied: dict[int, int], factor: int) -> dict[str, list[int | None]]:
        """What the service `both` gives for all keys after the first `applied` rows of each partition."""
        counts = sum(of[:, applied.get(partition, 0)] for partition, of in enumerate(self.counts)).tolist()
        sums = sum(of[:, applied.get(partition, 0)] for partition, of in enumerate(self.sums)).tolist()
        seen = [total if count else None for count, total in zip(counts, sums)]
        return {
            "totals__events": counts,
            "totals__numbers": [None if total is None else factor * total for total in seen],
            "neighbour__numbers": seen,
        }


class Lookups(threading.Thread):
    """Asks without pause and keeps every answer."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.answers: list[tuple[str, dict[int, int], dict[str, list[Any]]]] = []
        self.failed: list[Exception] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        with thalweg.Client(self.address, timeout=60) as client:
            while not self.stopping.is_set():
                try:
                    self.answers.append(ask(client))
                except thalweg.ThalwegError as error:
                    self.failed.append(error)
                    return


def ask(client: thalweg.Client) -> tuple[str, dict[int, int], dict[str, list[Any]]]:
    """Version of `totals`, offsets and values of the service `both` for all keys."""
    rows = [{"key": key} for key in KEYS]
    answer = client.get_online_features(feature_service="both", entity_rows=rows, at=LATER_THAN_ALL)
    values = answer.to_dict()
    values.pop("key")
    return answer.versions["totals"], answer.applied.get("ticks", {}), values


def check(ticks: Ticks, lookups: list[Lookups], factors: dict[str, int]) -> None:
    """Every answer is the fold of its prefix by the version it names; versions and offsets never go back."""
    folds = ticks.folds()
    for lookup in lookups:
        assert not lookup.failed, lookup.failed
        for version, applied, values in lookup.answers:
            assert values == folds.at(applied, factors[version]), f"version {version} at {applied}"
        versions = [version for version, _ in itertools.groupby(version for version, _, _ in lookup.answers)]
        assert len(versions) == len(set(versions)), f"versions went back: {versions}"
        offsets = [sum(applied.values()) for _, applied, _ in lookup.answers]
        assert offsets == sorted(offsets), "offsets went back"


@contextmanager
def lookups(server: Server) -> Iterator[list[Lookups]]:
    """Two threads that ask without pause."""
    threads = [Lookups(server.address) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads:
            thread.stopping.set()
        for thread in threads:
            thread.join(timeout=60)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with the first definitions, and others to change to."""
    for name, text in {
        "one.yaml": definitions(1),
        "two.yaml": definitions(2),
        "three.yaml": definitions(3, MORE),
    }.items():
        (tmp_path / name).write_text(text)
    place = Place.new(tmp_path)
    place.do("apply", "-f", "one.yaml")
    return place


def fill(server: Server, client: thalweg.Client) -> Ticks:
    """Rows that a build has to read."""
    ticks = Ticks()
    for partition in range(PARTITIONS):
        ticks.produce(client, partition, ROWS // PARTITIONS)
    server.wait_applied()
    return ticks


def view(client: thalweg.Client, name: str) -> thalweg.ViewStatus | None:
    """The status of a view, if there is one."""
    return next((view for view in client.status().views if view.name == name), None)


def is_building(client: thalweg.Client) -> bool:
    """Whether anything is being built."""
    return any(view.building for view in client.status().views)


@contextmanager
def applying(place: Place, name: str, *, survives: bool = True) -> Iterator[None]:
    """`thalweg apply`, while the body runs; it must succeed if the server survives."""
    command = [binary(), "apply", "-f", name]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=place.folder, env=place.environment, **quiet)
    try:
        yield
    finally:
        code = process.wait(timeout=60)
        assert code == 0 or not survives


def test_lookups_go_on_while_a_view_is_rebuilt_under_constant_production(place: Place) -> None:
    with place.serving() as server, thalweg.Client(place.grpc, timeout=60) as client:
        ticks = fill(server, client)
        first = ask(client)[0]
        with lookups(server) as threads:
            lags, partition = [], itertools.cycle(range(PARTITIONS))
            with applying(place, "two.yaml"):
                server.wait_until(lambda: is_building(client), "begin to build")
                while is_building(client):
                    ticks.produce(client, next(partition), 100)
                    lags.append(client.status().lag)
            for _ in range(5):
                ticks.produce(client, next(partition), 100)
        server.wait_applied()
        second, applied, values = ask(client)
        assert second != first
        check(ticks, threads, {first: 1, second: 2})
        answered = {version for thread in threads for version, _, _ in thread.answers}
        assert answered == {first, second}, "the build was too short, or too long, to see both"
        assert len(lags) > 3 and max(lags) < ROWS / 10, f"what stays was held back: {lags}"
        assert sum(applied.values()) == ticks.count

        spine = pa.table({"key": KEYS, "event_timestamp": pa.array([LATER_THAN_ALL] * len(KEYS))})
        trained = client.get_historical_features(spine, feature_service="both").to_arrow()
        assert {name: trained[name].to_pylist() for name in values} == values
        status = view(client, "totals")
        assert status is not None and (status.building, status.ready) == (None, True)
        assert second.startswith(status.version)
        server.wait_until(lambda: "dropped a state" in server.log(), "drop the old version's state")


def test_what_is_not_served_yet_says_so_and_what_is_removed_goes(place: Place) -> None:
    with place.serving() as server, thalweg.Client(place.grpc, timeout=60) as client:
        fill(server, client)
        with applying(place, "three.yaml"):
            server.wait_until(lambda: is_building(client), "begin to build")
            new = view(client, "more")
            assert new is not None and new.building is not None
            assert (new.version, new.ready) == ("", False) and new.building.records_left <= ROWS
            outcome = place.run("get", "more:numbers", "key=a")
            assert outcome.code == 1 and outcome.err.startswith("FAILED_PRECONDITION"), outcome
            assert "view `more`" in outcome.err and "records left" in outcome.err
            assert "NOT_FOUND" in place.run("get", "nothing:numbers", "key=a").err
            assert server.get("/readyz")[0] == 200, "what serves is ready"
        server.wait_applied()
        assert "PRESENT" in place.do("get", "more:numbers", "key=a", "--at", "2030-01-01T00:00:00Z")
        place.do("apply", "-f", "two.yaml")
        server.wait_applied()
        assert view(client, "more") is None
        assert "NOT_FOUND" in place.run("get", "more:numbers", "key=a").err


def test_a_second_change_in_the_middle_of_the_first_takes_its_place(place: Place) -> None:
    with place.serving() as server, thalweg.Client(place.grpc, timeout=60) as client:
        ticks = fill(server, client)
        first = ask(client)[0]
        with lookups(server) as threads:
            with applying(place, "two.yaml"):
                server.wait_until(lambda: is_building(client), "begin to build")
                totals = view(client, "totals")
                assert totals is not None and totals.building is not None, "the build was too short"
                place.do("apply", "-f", "three.yaml")
            skipped = totals.building.version
            server.wait_applied()
        third = ask(client)[0]
        assert not third.startswith(skipped)
        check(ticks, threads, {first: 1, third: 3})


def test_a_kill_in_the_middle_of_a_build_goes_on_serving_and_goes_on_building(place: Place) -> None:
    with place.serving() as server, thalweg.Client(place.grpc, timeout=60) as client:
        ticks = fill(server, client)
        first = ask(client)[0]
        with applying(place, "two.yaml", survives=False):
            server.wait_until(lambda: is_building(client), "begin to build")
            assert is_building(client), "the build was too short"
            server.stop(signal.SIGKILL)
    with place.serving() as server, thalweg.Client(place.grpc, timeout=60) as client, lookups(server) as threads:
        assert ask(client)[0] == first, "the old version serves, or the build was too short"
        ticks.produce(client, 0, 100)
        server.wait_applied()
        second = ask(client)[0]
        assert second != first
        for thread in threads:
            thread.stopping.set()
            thread.join(timeout=60)
        check(ticks, threads, {first: 1, second: 2})
