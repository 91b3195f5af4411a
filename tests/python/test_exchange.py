"""Rows that come little by little have the values they would have had in one training set."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
import thalweg
from bits import difference
from process import Server
from pyarrow import flight

NOON = dt.datetime(2013, 1, 1, 12)
SCHEMA = pa.schema({"row": pa.int64(), "carrier": pa.string(), "event_timestamp": pa.timestamp("us")})
#: Rows of each batch sent: none, one, and many more than an answer by DoGet has in one batch.
SIZES = [3, 0, 1, 40_000, 0, 7]


def _rows(first: int, count: int) -> pa.RecordBatch:
    numbers = range(first, first + count)
    columns = {
        "row": list(numbers),
        "carrier": [("UA", "AA", "nobody")[number % 3] for number in numbers],
        "event_timestamp": [NOON - dt.timedelta(minutes=number % 150) for number in numbers],
    }
    return pa.RecordBatch.from_pydict(columns, SCHEMA)


def _batches() -> list[pa.RecordBatch]:
    return [_rows(sum(SIZES[:at]), size) for at, size in enumerate(SIZES)]


def _reader(batches: list[pa.RecordBatch]) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"statuses": True, "full_feature_names": False},
        {"boundary": "exclusive", "statuses": True},
    ],
)
def test_each_batch_comes_back_with_the_values_of_one_training_set(
    client: thalweg.Client, options: dict[str, Any]
) -> None:
    job = client.get_historical_features(pa.Table.from_batches(_batches()), feature_service="delays", **options)
    wanted = job.to_arrow()
    answers = client.stream_historical_features(_reader(_batches()), feature_service="delays", pin=job, **options)
    assert answers.schema == wanted.schema
    given = list(answers)
    assert [batch.num_rows for batch in given] == SIZES
    table = pa.Table.from_batches(given)
    for name in wanted.column_names:
        assert difference(table[name].combine_chunks(), wanted[name].combine_chunks()) is None, name


def test_a_batch_is_answered_before_the_next_one_is_made(client: thalweg.Client) -> None:
    made = []

    def rows() -> Iterator[pa.RecordBatch]:
        for number in range(3):
            made.append(number)
            yield _rows(number, 1)

    answers = client.stream_historical_features(
        pa.RecordBatchReader.from_batches(SCHEMA, rows()), feature_service="delays"
    )
    assert made == []
    for number, batch in enumerate(answers):
        assert batch["row"].to_pylist() == [number] and made == list(range(number + 1))
    assert len(made) == 3


def test_all_batches_rest_on_the_log_as_it_was_at_the_beginning(client: thalweg.Client) -> None:
    batch = pa.RecordBatch.from_pydict({"row": [0], "carrier": ["EX"], "event_timestamp": [NOON]}, SCHEMA)
    answers = client.stream_historical_features(_reader([batch, batch]), ["carrier_delays:departures_1d"])
    assert answers.read_next_batch()["carrier_delays__departures_1d"].to_pylist() == [0]
    departure = {"flight_id": time.monotonic_ns(), "carrier": "EX", "dest": "ORD", "dep_delay": 1.0, "dep_at": NOON}
    client.produce("departures", [departure], key="carrier")
    assert answers.read_next_batch()["carrier_delays__departures_1d"].to_pylist() == [0]
    again = client.stream_historical_features(_reader([batch]), ["carrier_delays:departures_1d"])
    assert again.read_all()["carrier_delays__departures_1d"].to_pylist() == [1]


def test_every_answer_names_the_commit_its_rows_would_have_by_themselves(
    client: thalweg.Client, small_server: Server
) -> None:
    pin = client.get_historical_features(_rows(0, 1), feature_service="delays").pin
    command = {"type": "training_set", "feature_service": "delays", "pin": pin}
    with flight.connect(f"grpc://{small_server.address}") as connection:
        writer, reader = connection.do_exchange(flight.FlightDescriptor.for_command(json.dumps(command)))
        with writer:
            writer.begin(SCHEMA)
            for batch in (_rows(0, 5), _rows(5, 2)):
                writer.write_batch(batch)
                about = json.loads(reader.read_chunk().app_metadata.to_pybytes())
                alone = client.get_historical_features(batch, feature_service="delays", pin=pin)
                assert (about["commit"], about["manifest"]) == (alone.commit, alone.manifest)
            writer.done_writing()


def test_a_bad_batch_ends_the_stream_and_says_which(client: thalweg.Client) -> None:
    bad = pa.RecordBatch.from_pydict({"row": [0, 1], "carrier": ["UA", None], "event_timestamp": [NOON, NOON]}, SCHEMA)
    answers = client.stream_historical_features(_reader([_rows(0, 2), bad, _rows(2, 2)]), feature_service="delays")
    assert answers.read_next_batch().num_rows == 2
    with pytest.raises(thalweg.InvalidArgument) as refused:
        answers.read_next_batch()
    assert refused.value.message.startswith("batch 1 of the exchange: spine column `carrier` is null in row 1")
    assert client.status().views


@pytest.mark.parametrize(
    ("rows", "request_", "kind", "words"),
    [
        ([{"carrier": "UA"}], {"feature_service": "delays"}, thalweg.InvalidArgument, "no column `event_timestamp`"),
        (_rows(0, 1), {"feature_service": "dleays"}, thalweg.NotFound, "no feature service `dleays`"),
        (_rows(0, 1), {}, thalweg.InvalidArgument, "needs `feature_service` or `features`"),
        (
            _rows(0, 1),
            {"feature_service": "delays", "pin": {"departures": {"topic_id": "another", "next_offsets": [1]}}},
            thalweg.OutOfRange,
            "deleted and created again",
        ),
    ],
)
def test_what_is_wrong_from_the_beginning_is_said_at_once(
    client: thalweg.Client, rows: Any, request_: dict[str, Any], kind: type[thalweg.ThalwegError], words: str
) -> None:
    with pytest.raises(kind) as refused:
        client.stream_historical_features(rows, **request_)
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"type": "events", "topic": "departures"}, "its command is `training_set`"),
        (
            {"type": "training_set", "feature_service": "delays", "spine": {"upload": "0" * 64}},
            "leave `spine`, `commit`, `shards` and `order` out",
        ),
        ({"type": "nothing"}, "unknown variant `nothing`"),
    ],
)
def test_an_exchange_is_for_rows_and_their_features(small_server: Server, command: dict[str, Any], words: str) -> None:
    with flight.connect(f"grpc://{small_server.address}") as connection:
        writer, reader = connection.do_exchange(flight.FlightDescriptor.for_command(json.dumps(command)))
        with pytest.raises(pa.ArrowInvalid, match=words):
            # The server may have refused before the schema is written.
            writer.begin(SCHEMA)
            reader.read_all()


def test_a_batch_too_large_for_a_message_is_refused_by_its_limit(client: thalweg.Client) -> None:
    large = pa.RecordBatch.from_pydict(
        {"carrier": ["UA"], "event_timestamp": [NOON], "note": ["x" * (1 << 26)]},
    )
    answers = client.stream_historical_features(_reader([large]), feature_service="delays")
    with pytest.raises(thalweg.ResourceExhausted) as refused:
        answers.read_all()
    assert "`limits.message_bytes` is 67108864" in refused.value.message


def test_a_reader_that_is_dropped_holds_nothing_up(client: thalweg.Client) -> None:
    for _ in range(5):
        answers = client.stream_historical_features(_reader([_rows(0, 1), _rows(1, 1)]), feature_service="delays")
        answers.read_next_batch()
        del answers
    assert client.stream_historical_features(_reader([_rows(0, 1)]), feature_service="delays").read_all().num_rows == 1
