"""Requests that are wrong are refused in words: what failed, on what, why, what to do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
import thalweg

NOON = dt.datetime(2013, 1, 1, 12)
GOOD = {"carrier": ["UA"], "event_timestamp": [NOON]}
SERVICE: dict[str, Any] = {"feature_service": "delays"}


@pytest.mark.parametrize(
    ("spine", "request_", "kind", "words"),
    [
        pytest.param(
            {"event_timestamp": [NOON]},
            SERVICE,
            thalweg.InvalidArgument,
            "the spine has no column `carrier` (the join key of type string); it has: event_timestamp. Add it, or name another",
            id="no key",
        ),
        pytest.param(
            {"carrier": ["UA", None], "event_timestamp": [NOON, NOON]},
            SERVICE,
            thalweg.InvalidArgument,
            "spine column `carrier` is null in row 1 (1 such rows)",
            id="null key",
        ),
        pytest.param(
            {"carrier": [7], "event_timestamp": [NOON]},
            SERVICE,
            thalweg.InvalidArgument,
            "spine column `carrier` cannot be the join key: it is Int64, and the join key is string; cast it",
            id="key of another type",
        ),
        pytest.param(
            {"carrier": ["UA"]}, SERVICE, thalweg.InvalidArgument, "no column `event_timestamp`", id="no instant"
        ),
        pytest.param(
            {"carrier": ["UA"], "event_timestamp": pa.array([None], pa.timestamp("us"))},
            SERVICE,
            thalweg.InvalidArgument,
            "spine column `event_timestamp` is null in row 0",
            id="null instant",
        ),
        pytest.param(
            {"carrier": ["UA"], "event_timestamp": ["2013-01-01"]},
            SERVICE,
            thalweg.InvalidArgument,
            "a text is never guessed to be a time",
            id="instant as text",
        ),
        pytest.param(
            {**GOOD, "carrier_delays__last_dest": ["x"]},
            SERVICE,
            thalweg.InvalidArgument,
            "two columns named `carrier_delays__last_dest`",
            id="name clash",
        ),
        pytest.param("rows", SERVICE, thalweg.InvalidArgument, "entity_df is a str", id="no frame"),
        pytest.param(
            [{"a": 1}, {"a": "x"}],
            SERVICE,
            thalweg.InvalidArgument,
            "entity_df cannot become Arrow columns",
            id="mixed column",
        ),
        pytest.param(
            GOOD,
            {"feature_service": "dleays"},
            thalweg.NotFound,
            "no feature service `dleays`; there are: delays",
            id="unknown service",
        ),
        pytest.param(
            GOOD,
            {"features": ["carrier_delays:departure_1d"]},
            thalweg.NotFound,
            "did you mean `departures_1d`?",
            id="unknown column",
        ),
        pytest.param(
            GOOD, {"features": ["carriers:*"]}, thalweg.NotFound, "no feature view `carriers`", id="unknown view"
        ),
        pytest.param(GOOD, {}, thalweg.InvalidArgument, "needs `feature_service` or `features`", id="no features"),
        pytest.param(
            GOOD, {**SERVICE, "features": ["carrier_delays:*"]}, thalweg.InvalidArgument, "not both", id="both"
        ),
        pytest.param(
            GOOD, {**SERVICE, "boundary": "both"}, thalweg.InvalidArgument, "unknown variant `both`", id="boundary"
        ),
        pytest.param(
            GOOD,
            {**SERVICE, "pin": {"departures": {"topic_id": "another", "next_offsets": [1]}}},
            thalweg.OutOfRange,
            "it was deleted and created again",
            id="pin of another log",
        ),
    ],
)
def test_training_sets(
    client: thalweg.Client, spine: Any, request_: dict[str, Any], kind: type[thalweg.ThalwegError], words: str
) -> None:
    with pytest.raises(kind) as refused:
        client.get_historical_features(spine, **request_)
    assert words in refused.value.message
    assert str(refused.value).startswith(f"{kind.code}: ")


@pytest.mark.parametrize(
    ("request_", "kind", "words"),
    [
        ({"feature_service": "x"}, thalweg.NotFound, "no feature service `x`"),
        ({}, thalweg.InvalidArgument, "name a `feature_service`, or list `features`"),
        ({**SERVICE, "entity_rows": []}, thalweg.InvalidArgument, "field `entities` is empty"),
        (
            {**SERVICE, "entity_rows": {"carrier": [7]}},
            thalweg.InvalidArgument,
            "it is Int64, and the join key is string",
        ),
        ({**SERVICE, "entity_rows": {"carrier": [0.5]}}, thalweg.InvalidArgument, "`carrier` cannot be the join key: it is Float64, and the join key is string"),
        ({**SERVICE, "entity_rows": {"carrier": ["UA", None]}}, thalweg.InvalidArgument, "is null in row 1"),
        ({**SERVICE, "entity_rows": {"tail": ["x"]}}, thalweg.InvalidArgument, "lacks join key `carrier`"),
        ({**SERVICE, "entity_rows": {"carrier": ["UA"], "x": [1]}}, thalweg.InvalidArgument, "`x` is no join key"),
        (
            {**SERVICE, "entity_rows": {"carrier": ["UA"] * 10_001}},
            thalweg.ResourceExhausted,
            "`limits.lookup_rows` is 10000",
        ),
        ({**SERVICE, "at": "noon"}, thalweg.InvalidArgument, "'noon' is no instant"),
    ],
)
def test_lookups(
    client: thalweg.Client, request_: dict[str, Any], kind: type[thalweg.ThalwegError], words: str
) -> None:
    with pytest.raises(kind) as refused:
        client.get_online_features(**{"entity_rows": [{"carrier": "UA"}], **request_})
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("topic", "rows", "options", "kind", "words"),
    [
        ("nope", [{"a": 1}], {}, thalweg.NotFound, "no registered source reads topic `nope`"),
        ("departures", [{"a": 1}], {}, thalweg.InvalidArgument, "column `a` is no field of source `departures`"),
        ("departures", [{"dep_delay": "soon"}], {}, thalweg.InvalidArgument, '"soon" in row 0'),
        ("departures", [{"carrier": "UA"}], {"partition": 7}, thalweg.InvalidArgument, "has no partition 7"),
        ("departures", [{"carrier": "UA"}], {"partitions": 7}, thalweg.InvalidArgument, "with 1 partitions, not 7"),
        (
            "departures",
            [{"carrier": "UA"}],
            {"key": "tail"},
            thalweg.InvalidArgument,
            "no field `tail` to make the key",
        ),
        (
            "departures",
            [{"carrier": "UA"}],
            {"timestamp": "carrier"},
            thalweg.InvalidArgument,
            "cannot be the record timestamp",
        ),
    ],
)
def test_produced_rows(
    client: thalweg.Client,
    topic: str,
    rows: Any,
    options: dict[str, Any],
    kind: type[thalweg.ThalwegError],
    words: str,
) -> None:
    before = client.status().partitions
    with pytest.raises(kind) as refused:
        client.produce(topic, rows, **options)
    assert words in refused.value.message
    assert [p.next_offset for p in client.status().partitions] == [p.next_offset for p in before]


def test_no_server() -> None:
    client = thalweg.Client("127.0.0.1:1", timeout=5)
    for ask in (client.status, client.list_topics, lambda: client.get_historical_features(GOOD, **SERVICE)):
        with pytest.raises(thalweg.Unavailable) as refused:
            ask()
        assert "no server answers at 127.0.0.1:1" in refused.value.message
        assert "thalweg serve" in refused.value.message
