"""What requests about the past hold together is bounded, however slowly their clients take it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import thalweg
from conftest import SMALL
from process import Place, Server

#: So many rows that neither side's buffers hold them.
ROWS = 1_000_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    place = Place.new(tmp_path)
    settings = place.folder / "thalweg.yaml"
    settings.write_text(settings.read_text() + "history: {total_memory_bytes: 80000000}\n")
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    with place.serving() as server:
        yield server


def _spine(rows: int) -> pa.Table:
    times = np.full(rows, np.datetime64("2013-01-01T12:00:00", "us"))
    return pa.table({"carrier": pa.array(["UA"] * rows), "event_timestamp": times})


def test_a_stream_that_nobody_takes_keeps_others_out_until_it_is_given_up(server: Server) -> None:
    with thalweg.Client(server.address, timeout=60) as client:
        job = client.get_historical_features(_spine(ROWS), ["carrier_delays:*"])
        with client.get_historical_features(_spine(ROWS), ["carrier_delays:*"]).to_batches() as stalled:
            assert stalled.read_next_batch().num_rows > 0
            with pytest.raises(thalweg.ResourceExhausted, match="`history.total_memory_bytes` is 80000000") as refused:
                job.to_arrow()
            assert "Ask again" in str(refused.value)
            few = client.get_historical_features(_spine(10), ["carrier_delays:*"])
            assert few.to_arrow().num_rows == 10, "what is small has room beside it"
        server.wait_until(lambda: _is_given(job), "let go of what nobody takes")


def _is_given(job: thalweg.TrainingSet) -> bool:
    try:
        return job.to_arrow().num_rows == ROWS
    except thalweg.ResourceExhausted:
        return False


def test_an_upload_that_memory_does_not_hold_is_refused(server: Server) -> None:
    with thalweg.Client(server.address, timeout=60) as client:
        with pytest.raises(thalweg.ResourceExhausted, match="`history.total_memory_bytes` is 80000000"):
            client.get_historical_features(_spine(10 * ROWS), ["carrier_delays:*"])
        assert client.get_historical_features(_spine(10), ["carrier_delays:*"]).to_arrow().num_rows == 10
