"""Training sets as of what was served: the values that lookups gave at the time, through restarts and kills."""

from __future__ import annotations

import datetime as dt
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import thalweg
from conftest import NYC13
from process import Place, Server

FEATURES = """
sources:
  - {{name: arrivals, topic: arrivals, format: avro, schema: {{file: {schema}}},
     event_time: sched_arr, append_time: arr_at, order_by: flight_id}}
entities:
  - {{name: aircraft, join_keys: {{tailnum: string}}}}
feature_views:
  - name: legs
    entity: aircraft
    source: arrivals
    features:
      n: {{aggregate: count}}
      delay: {{aggregate: [avg, max, stddev], of: arr_delay}}
      last_delays: {{aggregate: last_n, n: 3, of: arr_delay}}
"""
COLUMNS = ["legs__n", "legs__delay_avg", "legs__delay_max", "legs__delay_stddev", "legs__last_delays"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place that knows of arrivals and has none."""
    place = Place.new(tmp_path)
    features = tmp_path / "features.yaml"
    features.write_text(FEATURES.format(schema=NYC13 / "schemas" / "arrivals.avsc"))
    place.do("apply", "-f", features)
    return place


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The real arrivals of half a year in three files, by when they were known: mornings, evenings, the rest."""
    arrivals = pq.read_table(NYC13 / "data" / "arrivals.parquet").slice(0, 150_000)
    folder = tmp_path_factory.mktemp("parts")
    files = [folder / f"{n}.parquet" for n in range(3)]
    for n, file in enumerate(files):
        pq.write_table(arrivals.take(list(range(n, len(arrivals), 3))), file)
    return files


def test_what_was_served_is_what_lookups_gave(place: Place, parts: list[Path]) -> None:
    aircraft = pq.read_table(parts[0], columns=["tailnum"])["tailnum"].drop_null().unique().to_pylist()[:60]
    given: list[tuple[dt.datetime, pa.Table]] = []
    for number, part in enumerate(parts):
        with place.serving() as server:
            place.do("produce", "arrivals", part, "--partitions", "3", "--key", "tailnum")
            server.wait_applied()
            with thalweg.Client(server.address, timeout=60) as client:
                given.append(_look_up(client, aircraft))
            if number == 1:
                # By then it is in files what was answered.
                time.sleep(4)
                server.stop(signal.SIGKILL)
    with place.serving() as server, thalweg.Client(server.address, timeout=120) as client:
        server.wait_applied()
        assert len({repr(table.to_pydict()) for _, table in given}) == 3, "every part changes something"
        for at, table in given:
            spine = {"tailnum": aircraft, "event_timestamp": [at] * len(aircraft)}
            served = client.get_historical_features(spine, ["legs:*"], as_of="served")
            assert served.to_arrow().select(COLUMNS) == table.select(COLUMNS)
            again = client.get_historical_features(spine, ["legs:*"], as_of="served", pin=served)
            assert again.commit == served.commit and again.to_arrow() == served.to_arrow()
            known = client.get_historical_features(spine, ["legs:n"], as_of="known").to_arrow()
            assert known["legs__n"].to_pylist() == given[-1][1]["legs__n"].to_pylist(), "all was known long before"


def test_what_nobody_can_tell_is_refused(place: Place, parts: list[Path]) -> None:
    before = dt.datetime.now(dt.timezone.utc)
    with place.serving() as server:
        place.do("produce", "arrivals", parts[0], "--key", "tailnum")
        server.wait_applied()
    between = dt.datetime.now(dt.timezone.utc)
    place.do("produce", "arrivals", parts[1], "--key", "tailnum")
    with place.serving() as server, thalweg.Client(server.address, timeout=60) as client:
        server.wait_applied()
        later = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=1)
        for at, why in [(before, "begins at"), (between, "nothing served between"), (later, "yet to come")]:
            with pytest.raises(thalweg.OutOfRange, match=why):
                client.get_historical_features(_row(at), ["legs:n"], as_of="served")
        with pytest.raises(thalweg.FailedPrecondition, match="ask a running server"):
            client.get_snapshot(["legs:n"], as_of="served")
    pq.write_table(pa.table(_row(between)), place.folder / "spine.parquet")
    alone = place.run("training-set", "legs:n", "--spine", "spine.parquet", "--as-of", "served", "-o", "set.parquet")
    assert alone.code == 1 and "ask a running server" in alone.err, alone


def _row(at: dt.datetime) -> dict[str, list[object]]:
    return {"tailnum": ["N14228"], "event_timestamp": [at]}


def _look_up(client: thalweg.Client, aircraft: list[str]) -> tuple[dt.datetime, pa.Table]:
    """What a lookup gives now, and when that is."""
    answer = client.get_online_features(["legs:*"], [{"tailnum": tailnum} for tailnum in aircraft])
    return answer.at, answer.to_arrow()
