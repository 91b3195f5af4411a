"""Training sets in several streams."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
import thalweg
from process import Server
from pyarrow import flight

ROWS = 70_000


@pytest.fixture(scope="module")
def spine() -> pa.Table:
    """Rows enough for several batches."""
    minutes = np.arange(ROWS) * 7_919 % 3_000
    at = np.datetime64("2013-01-01T00:00:00", "us") + minutes.astype("timedelta64[m]")
    return pa.table({"carrier": pa.array(["UA", "AA", "none"] * (ROWS // 3) + ["UA"]), "event_timestamp": at})


@pytest.fixture
def connection(small_server: Server) -> Iterator[flight.FlightClient]:
    with flight.connect(f"grpc://{small_server.address}") as connection:
        yield connection


def test_shards_are_the_rows_in_their_order(client: thalweg.Client, spine: pa.Table) -> None:
    whole = client.get_historical_features(spine, feature_service="delays")
    rows = whole.to_arrow()
    for shards in (1, 3, 8):
        job = client.get_historical_features(spine, feature_service="delays", shards=shards, pin=whole)
        assert (job.commit, job.num_rows) == (whole.commit, ROWS)
        assert job.to_arrow() == rows
        # Batches are the same, too, whatever the number of streams.
        assert [batch.num_rows for batch in job.to_batches()] == [batch.num_rows for batch in whole.to_batches()]


def test_a_lost_stream_can_be_fetched_again(
    client: thalweg.Client, connection: flight.FlightClient, spine: pa.Table
) -> None:
    whole = client.get_historical_features(spine, feature_service="delays").to_arrow()
    upload = client._connection.put({"type": "training_set"}, spine.to_reader())
    command = {"type": "training_set", "feature_service": "delays", "shards": 3} | {"spine": upload["spine"]}
    info = connection.get_flight_info(flight.FlightDescriptor.for_command(json.dumps(command)))
    assert (len(info.endpoints), info.ordered, info.total_records) == (3, True, ROWS)
    lost = connection.do_get(info.endpoints[1].ticket)
    lost.read_chunk()
    lost.cancel()
    # A ticket says all: another server with the same log and spine gives the same.
    parts = [connection.do_get(endpoint.ticket).read_all() for endpoint in reversed(info.endpoints)]
    assert pa.concat_tables(reversed(parts)) == whole
    tickets = [json.loads(endpoint.ticket.ticket) for endpoint in info.endpoints]
    assert [ticket["shard"] for ticket in tickets] == [{"number": number, "of": 3} for number in range(3)]
    assert len({ticket["commit"] for ticket in tickets}) == 1


def test_rows_in_any_order_say_where_they_stand(
    client: thalweg.Client, connection: flight.FlightClient, spine: pa.Table
) -> None:
    whole = client.get_historical_features(spine, feature_service="delays").to_arrow()
    job = client.get_historical_features(spine, feature_service="delays", shards=4, order="any")
    table = job.to_arrow()
    assert table.column_names[:3] == ["carrier", "event_timestamp", "_row"]
    assert table["_row"].type == pa.int64()
    assert sorted(table["_row"].to_pylist()) == list(range(ROWS))
    assert table.sort_by("_row").drop_columns(["_row"]) == whole
    info = connection.get_flight_info(flight.FlightDescriptor.for_command(json.dumps(job._command)))
    assert not info.ordered


def test_what_cannot_be_cut_is_refused_in_words(client: thalweg.Client, connection: flight.FlightClient) -> None:
    row = {"carrier": ["UA"], "event_timestamp": pa.array([0], pa.timestamp("us")), "_row": [1]}
    with pytest.raises(thalweg.InvalidArgument, match="at least 1"):
        client.get_historical_features(row, feature_service="delays", shards=0)
    with pytest.raises(thalweg.ResourceExhausted, match="limit `limits.shards` is 256"):
        client.get_historical_features(row, feature_service="delays", shards=257)
    with pytest.raises(thalweg.InvalidArgument, match="a column `_row` of its own"):
        client.get_historical_features(row, feature_service="delays", order="any")
    few = client.get_historical_features(row, feature_service="delays", shards=3)
    assert few.to_arrow().num_rows == 1, "shards may be empty"
    info = connection.get_flight_info(flight.FlightDescriptor.for_command(json.dumps(few._command)))
    ticket = json.loads(info.endpoints[0].ticket.ticket) | {"shard": {"number": 3, "of": 3}}
    with pytest.raises(pa.ArrowInvalid, match="there is no shard 3 of 3"):
        connection.do_get(flight.Ticket(json.dumps(ticket))).read_all()
