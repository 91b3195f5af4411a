"""The client's training sets and lookups, in every form rows come in."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import thalweg
from process import Server

NOON = dt.datetime(2013, 1, 1, 12, tzinfo=dt.timezone.utc)
FEATURES = ["carrier_delays:departures_1d", "carrier_delays:dep_delay_avg_1d"]
SPINE = {"carrier": ["UA", "AA", "UA", "XX"], "event_timestamp": [NOON, NOON, NOON - dt.timedelta(hours=1), NOON]}
WANTED = {"carrier_delays__departures_1d": [3, 1, 2, 0], "carrier_delays__dep_delay_avg_1d": [3.0, 2.0, 3.0, None]}


def _values(table: pa.Table) -> dict[str, list[object]]:
    return table.select(list(WANTED)).to_pydict()


@pytest.mark.parametrize(
    "entity_df",
    [
        pytest.param(pd.DataFrame(SPINE), id="pandas"),
        pytest.param(pd.DataFrame(SPINE, index=["w", "x", "y", "z"]), id="pandas with an index of texts"),
        pytest.param(pd.DataFrame(SPINE).astype({"carrier": "category"}), id="pandas with categories"),
        pytest.param(pl.DataFrame(SPINE), id="polars"),
        pytest.param(
            pl.DataFrame(SPINE).with_columns(pl.col("carrier").cast(pl.Categorical)), id="polars with categories"
        ),
        pytest.param(pa.table(SPINE), id="table"),
        pytest.param(pa.table(SPINE).to_batches()[0], id="batch"),
        pytest.param(SPINE, id="dict"),
        pytest.param(pa.table(SPINE).to_pylist(), id="dicts"),
    ],
)
def test_a_spine_may_come_as_any_frame(client: thalweg.Client, entity_df: object) -> None:
    table = client.get_historical_features(entity_df, FEATURES).to_arrow()  # type: ignore[arg-type]
    assert table.column_names == [*SPINE, *WANTED]
    assert _values(table) == WANTED


def test_a_reader_is_streamed(client: thalweg.Client) -> None:
    reader = pa.RecordBatchReader.from_batches(
        pa.table(SPINE).schema, iter(pa.table(SPINE).to_batches(max_chunksize=1))
    )
    assert _values(client.get_historical_features(reader, FEATURES).to_arrow()) == WANTED


def test_equal_rows_make_one_commit_whatever_frame_they_came_in(client: thalweg.Client) -> None:
    plain = pa.table(SPINE)
    commit = client.get_historical_features(plain, FEATURES).commit
    assert client.get_historical_features(plain.to_pandas(types_mapper=pd.ArrowDtype), FEATURES).commit == commit
    assert client.get_historical_features(plain.to_batches(max_chunksize=1)[0], FEATURES).commit != commit


def test_instants_without_a_zone_are_utc_and_nanoseconds_are_floored(client: thalweg.Client) -> None:
    times = np.array(["2013-01-01T10:17:00", "2013-01-01T10:16:59.999999999"], dtype="datetime64[ns]")
    entity_df = pd.DataFrame({"carrier": ["UA", "UA"], "event_timestamp": times})
    frame = client.get_historical_features(entity_df, FEATURES).to_df()
    assert frame["carrier_delays__departures_1d"].tolist() == [1, 0]
    assert frame["event_timestamp"].tolist() == entity_df["event_timestamp"].tolist()
    exclusive = client.get_historical_features(entity_df, FEATURES, boundary="exclusive").to_df()
    assert exclusive["carrier_delays__departures_1d"].tolist() == [0, 0]


def test_results_come_as_any_frame(client: thalweg.Client) -> None:
    job = client.get_historical_features(SPINE, FEATURES)
    assert job.num_rows == len(job) == 4
    assert job.schema == job.to_arrow().schema
    assert job.to_polars()["carrier_delays__departures_1d"].to_list() == [3, 1, 2, 0]
    frame = job.to_df()
    assert frame["carrier_delays__dep_delay_avg_1d"].isna().tolist() == [False, False, False, True]
    assert frame.index.tolist() == [0, 1, 2, 3]
    with job.to_batches() as reader:
        assert pa.Table.from_batches(list(reader)) == job.to_arrow()
    assert job.commit[:12] in repr(job)


def test_statuses_and_short_names(client: thalweg.Client) -> None:
    job = client.get_historical_features(SPINE, FEATURES, statuses=True, full_feature_names=False)
    assert job.to_arrow()["dep_delay_avg_1d__status"].to_pylist() == ["PRESENT", "PRESENT", "PRESENT", "NOT_FOUND"]


def test_another_time_column(client: thalweg.Client) -> None:
    spine = {"carrier": ["UA"], "asked_at": [NOON]}
    job = client.get_historical_features(spine, FEATURES, timestamp_column="asked_at")
    assert job.to_arrow()["carrier_delays__departures_1d"].to_pylist() == [3]


def test_a_pin_gives_the_same_bytes_after_more_was_produced(client: thalweg.Client) -> None:
    spine = {"carrier": ["PN"], "event_timestamp": [NOON]}
    _depart(client, "PN", 1.0)
    before = client.get_historical_features(spine, FEATURES)
    _depart(client, "PN", 5.0)
    again = client.get_historical_features(spine, FEATURES, pin=before)
    after = client.get_historical_features(spine, FEATURES)
    assert again.commit == before.commit != after.commit
    assert again.to_arrow() == before.to_arrow()
    assert before.to_arrow()["carrier_delays__departures_1d"].to_pylist() == [1]
    assert after.to_arrow()["carrier_delays__departures_1d"].to_pylist() == [2]
    assert client.get_historical_features(spine, FEATURES, pin=before.pin).commit == before.commit


def test_a_lookup_says_what_it_rests_on(client: thalweg.Client) -> None:
    written = _depart(client, "RW", 7.0)
    answer = client.get_online_features(
        ["carrier_delays:*"], {"carrier": ["RW", "nobody"]}, at=NOON, min_offsets=written, timeout=30
    )
    assert len(answer) == 2
    assert answer.at == NOON
    assert answer.applied["departures"][0] >= written.next_offsets[0]
    assert list(answer.versions) == ["carrier_delays"]
    assert answer.watermark is not None
    assert answer.event_times["carrier_delays__last_dest"] == [NOON, None]
    assert answer.statuses["carrier_delays__last_dest"] == ["PRESENT", "NOT_FOUND"]
    frame = answer.to_df(include_statuses=True)
    assert frame["carrier"].tolist() == ["RW", "nobody"]
    assert frame["carrier_delays__dep_delay_avg_1d"].tolist()[0] == 7.0
    assert frame["carrier_delays__dep_delay_avg_1d__status"].tolist() == ["PRESENT", "NOT_FOUND"]
    again = client.get_online_features(["carrier_delays:*"], {"carrier": ["RW"]}, at=NOON, min_offsets=answer.applied)
    assert again.to_dict()["carrier_delays__departures_1d"] == [1]


def test_offsets_that_never_come_end_at_the_deadline(client: thalweg.Client) -> None:
    started = time.monotonic()
    with pytest.raises(thalweg.DeadlineExceeded):
        client.get_online_features(FEATURES, {"carrier": ["UA"]}, min_offsets={"departures": {0: 10**9}}, timeout=0.5)
    assert time.monotonic() - started < 20


def test_lookups_equal_training_rows(client: thalweg.Client) -> None:
    table = client.get_historical_features(SPINE, feature_service="delays", statuses=True).to_arrow()
    for row in table.to_pylist():
        answer = client.get_online_features(
            feature_service="delays", entity_rows=[{"carrier": row["carrier"]}], at=row["event_timestamp"]
        ).to_arrow(include_statuses=True)
        assert answer.to_pylist() == [{name: row[name] for name in answer.column_names}]


def test_the_catalog_lists_services_views_and_topics(client: thalweg.Client) -> None:
    (service,) = client.list_feature_services()
    assert (service.name, service.join_keys.names) == ("delays", ["carrier"])
    assert service.features.field("carrier_delays__departures_1d").type == pa.int64()
    (view,) = client.list_feature_views()
    assert view.name == "carrier_delays" and view.features == service.features
    (topic,) = client.list_topics()
    assert topic.name == "departures" and {"flight_id", "_offset"} <= set(topic.schema.names)


def test_the_status_tells_lag_and_views(client: thalweg.Client) -> None:
    _depart(client, "ST", 0.0)
    status = client.status()
    (partition,) = status.partitions
    assert partition.topic == "departures" and partition.next_offset >= 5
    assert status.lag == partition.lag >= 0
    assert [view.name for view in status.views] == ["carrier_delays"]
    assert [source.name for source in status.sources] == ["departures"]


_WITHOUT_FRAMES = """
import datetime, importlib.abc, sys

class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("pandas", "polars"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NotInstalled())
import thalweg
client = thalweg.Client(sys.argv[1])
assert client.get_online_features(["carrier_delays:*"], [{"carrier": "UA"}]).to_dict()
spine = [{"carrier": "UA", "event_timestamp": datetime.datetime(2013, 1, 1)}]
assert client.get_historical_features(spine, ["carrier_delays:*"]).to_arrow().num_rows == 1
"""


def test_neither_pandas_nor_polars_need_be_there(small_server: Server) -> None:
    subprocess.run([sys.executable, "-c", _WITHOUT_FRAMES, small_server.address], check=True, timeout=60)


def _depart(client: thalweg.Client, carrier: str, delay: float) -> thalweg.Produced:
    """One more departure at noon; each test has carriers of its own."""
    row = {"flight_id": time.monotonic_ns(), "carrier": carrier, "dest": "ORD", "dep_delay": delay, "dep_at": NOON}
    return client.produce("departures", [row], key="carrier", timestamp="dep_at")
