"""Feature histories, by the command and by the client, with a server and without one, held against training sets."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import thalweg
from process import Place, Server
from pyarrow import flight

DAY = ("--from", "2013-01-01T00:00:00Z", "--to", "2013-01-03T00:00:00Z")
START, END = (dt.datetime(2013, 1, day, tzinfo=dt.timezone.utc) for day in (1, 3))


@pytest.fixture
def place(place: Place) -> Place:
    """The small departures, and keys."""
    (place.folder / "keys.csv").write_text("carrier,number\nUA,1\nnone,2\n")
    return place


def test_intervals_are_where_something_changes(place: Place) -> None:
    out = place.folder / "history.parquet"
    said = json.loads(place.do("feature-history", "delays", "--keys", "keys.csv", *DAY, "-o", out, "--json"))
    table = pq.read_table(out)
    assert table.column_names[:4] == ["carrier", "number", "_valid_from", "_valid_to"]
    assert table["carrier"].to_pylist() == ["UA"] * 7 + ["none"]
    # One comes in at a time, and leaves a day later; the last destination stays.
    assert table["carrier_delays__departures_1d"].to_pylist() == [0, 1, 2, 3, 2, 1, 0, 0]
    assert table["carrier_delays__last_dest"].to_pylist() == [None, "IAH", "MIA", "SFO", "SFO", "SFO", "SFO", None]
    instants = [at.strftime("%d %H:%M") for at in table["_valid_from"].to_pylist()]
    assert instants[:7] == ["01 00:00", "01 10:17", "01 10:33", "01 11:40", "02 10:17", "02 10:33", "02 11:40"]
    assert table["_valid_to"].to_pylist()[:6] == table["_valid_from"].to_pylist()[1:7]
    assert table["_valid_to"].to_pylist()[6:] == [END, END]
    assert said["rows"] == 8
    assert said["manifest"]["history"]["from_us"] == START.timestamp() * 1_000_000
    again = json.loads(place.do("feature-history", "delays", "--keys", "keys.csv", *DAY, "-o", out, "--json"))
    assert (again["commit"], pq.read_table(out)) == (said["commit"], table)


def test_what_has_no_history_is_refused_in_words(client: thalweg.Client, small_server: Server) -> None:
    def refused(words: str, **changed: object) -> None:
        asked = {"features": ["carrier_delays:*"], "start": START, "end": END} | changed
        with pytest.raises(thalweg.InvalidArgument, match=words):
            client.get_feature_history({"carrier": ["UA"]}, **asked)  # type: ignore[arg-type]

    refused("from one instant to a later one", end=START)
    with pytest.raises(thalweg.InvalidArgument, match="has no column `carrier`"):
        client.get_feature_history({"airline": ["UA"]}, ["carrier_delays:*"], start=START, end=END)
    with pytest.raises(thalweg.InvalidArgument, match="two columns named `_valid_to`"):
        keys = {"carrier": ["UA"], "_valid_to": [1]}
        client.get_feature_history(keys, ["carrier_delays:*"], start=START, end=END)
    connection = flight.connect(f"grpc://{small_server.address}")
    base = {"type": "feature_history", "features": ["carrier_delays:*"], "from_us": 0, "to_us": 1}
    for changed, words in [
        ({}, "a history needs keys"),
        ({"entities": {"carrier": "UA"}}, "column `carrier` must be a list"),
        ({"entities": {"airline": ["UA"]}}, "column `airline` is no join key"),
        ({"entities": {"carrier": [1]}}, "no join keys of type Utf8"),
        ({"entities": {"carrier": ["UA"]}, "as_of": "known"}, "as of event_time, not known"),
        ({"entities": {"carrier": ["UA"]}, "shards": 2}, "not given in shards"),
    ]:
        with pytest.raises(pa.ArrowInvalid, match=words):
            connection.get_flight_info(flight.FlightDescriptor.for_command(json.dumps(base | changed)))


def test_keys_may_be_in_the_command(client: thalweg.Client, small_server: Server) -> None:
    connection = flight.connect(f"grpc://{small_server.address}")
    command = {
        "type": "feature_history",
        "features": ["carrier_delays:*"],
        "entities": {"carrier": ["UA", "AA"]},
        "from_us": int(START.timestamp()) * 1_000_000,
        "to_us": int(END.timestamp()) * 1_000_000,
        "statuses": True,
    }
    info = connection.get_flight_info(flight.FlightDescriptor.for_command(json.dumps(command)))
    assert info.total_records == -1
    table = connection.do_get(info.endpoints[0].ticket).read_all()
    assert info.schema == table.schema
    uploaded = client.get_feature_history(
        {"carrier": ["UA", "AA"]}, ["carrier_delays:*"], start=START, end=END, statuses=True
    )
    assert uploaded.to_arrow() == table


def test_histories_of_real_flights_are_their_training_sets(nyc13_server: Server) -> None:
    start, end = (dt.datetime(2013, 7, day, tzinfo=dt.timezone.utc) for day in (1, 3))
    features = ["carrier_departures:*", "carrier_arrivals:*"]
    with thalweg.Client(nyc13_server.address, timeout=120) as client:
        history = client.get_feature_history(
            {"carrier": ["UA", "B6", "OO"]}, features, start=start, end=end, statuses=True
        ).to_arrow()
        assert history.num_rows > 1_000
        values = history.column_names[3:]
        # At its first instant, its last, and in between, each interval is what a training set says.
        width = pc.subtract(history["_valid_to"].cast(pa.int64()), history["_valid_from"].cast(pa.int64()))
        assert pc.min(width).as_py() > 0
        for shift in (0, pc.divide(width, 2), pc.subtract(width, 1)):
            at = pc.add(history["_valid_from"].cast(pa.int64()), shift).cast(pa.timestamp("us", "UTC"))
            spine = pa.table({"carrier": history["carrier"], "event_timestamp": at})
            training = client.get_historical_features(spine, features, statuses=True).to_arrow()
            assert training.select(values) == history.select(values)
