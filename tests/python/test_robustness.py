"""Clients that vanish and clients that talk nonsense: the server lives and goes on answering."""

from __future__ import annotations

import datetime as dt
import signal
import socket
import subprocess
import sys

import grpc
import numpy as np
import pyarrow as pa
import pytest
import thalweg
from process import Server

#: So many rows that neither side's buffers hold them.
ROWS = 2_000_000

_VANISH_WHILE_READING = """
import os, sys, numpy, pyarrow as pa, signal, thalweg
rows = int(sys.argv[2])
spine = pa.table({
    "carrier": pa.array(["UA"]).take(pa.array(numpy.zeros(rows, dtype="int64"))),
    "event_timestamp": pa.array(numpy.full(rows, 1_357_041_600_000_000), pa.timestamp("us")),
})
client = thalweg.Client(sys.argv[1])
reader = client.get_historical_features(spine, ["carrier_delays:*"]).to_batches()
reader.read_next_batch()
os.kill(os.getpid(), signal.SIGKILL)
"""

_VANISH_WHILE_SENDING = """
import os, sys, pyarrow as pa, signal, thalweg
schema = pa.schema([("carrier", pa.string()), ("event_timestamp", pa.timestamp("us"))])
def batches():
    yield pa.record_batch([["UA"] * 1000, [0] * 1000], schema=schema)
    os.kill(os.getpid(), signal.SIGKILL)
thalweg.Client(sys.argv[1]).get_historical_features(pa.RecordBatchReader.from_batches(schema, batches()), ["carrier_delays:*"])
"""


@pytest.fixture(autouse=True)
def lives(small_server: Server) -> object:
    """After each test the server is the same process, and answers."""
    yield
    assert small_server.process.poll() is None, small_server.log()
    with thalweg.Client(small_server.address, timeout=30) as client:
        answer = client.get_online_features(["carrier_delays:*"], [{"carrier": "UA"}], at="2013-01-01T12:00:00Z")
    assert answer.to_dict()["carrier_delays__departures_1d"] == [3]
    assert small_server.get("/healthz") == (200, "ok\n")


def test_a_client_that_stops_reading(client: thalweg.Client) -> None:
    times = np.full(ROWS, np.datetime64("2013-01-01T12:00:00", "us"))
    spine = pa.table({"carrier": pa.array(["UA"] * ROWS), "event_timestamp": times})
    with client.get_historical_features(spine, ["carrier_delays:*"]).to_batches() as reader:
        assert reader.read_next_batch().num_rows > 0


@pytest.mark.parametrize("code", [_VANISH_WHILE_READING, _VANISH_WHILE_SENDING], ids=["reading", "sending"])
def test_a_client_killed_in_the_middle_of_a_stream(small_server: Server, code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code, small_server.address, str(ROWS)], timeout=120)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 4096,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        # A frame that claims 16 MiB, after a proper HTTP/2 greeting.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
        + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    ],
    ids=["zeros", "http 1", "long frame"],
)
@pytest.mark.parametrize("port", ["grpc", "http"])
def test_bytes_that_are_no_request(small_server: Server, port: str, garbage: bytes) -> None:
    host, number = getattr(small_server.place, port).split(":")
    with socket.create_connection((host, int(number)), timeout=10) as connection:
        try:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        except OSError as error:
            # To be hung up on is an answer; to be left waiting is none.
            assert not isinstance(error, TimeoutError)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        # Field 1 is a text that claims a terabyte.
        ("thalweg.v1.OnlineFeatures/GetFeatures", b"\x0a\x80\x80\x80\x80\x80\x20x"),
        ("thalweg.v1.OnlineFeatures/GetFeatures", b"\xff\xff\xff"),
        ("arrow.flight.protocol.FlightService/GetFlightInfo", b'\x08\x02\x12\x05{"a":'),
        ("arrow.flight.protocol.FlightService/GetFlightInfo", b"\xff"),
    ],
)
def test_messages_that_are_no_messages(small_server: Server, method: str, message: bytes) -> None:
    with grpc.insecure_channel(small_server.address) as channel:
        call = channel.unary_unary(f"/{method}", request_serializer=bytes, response_deserializer=bytes)
        with pytest.raises(grpc.RpcError) as refused:
            call(message, timeout=30)
    assert refused.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)
    assert refused.value.details()


@pytest.mark.parametrize("header", [b"", b"\xff" * 64, bytes(range(200))], ids=["none", "ones", "counting"])
def test_an_upload_that_is_no_arrow(small_server: Server, header: bytes) -> None:
    command = b'{"type":"training_set","feature_service":"delays"}'
    descriptor = b"\x08\x02" + _field(2, command)
    data = _field(1, descriptor) + _field(2, header) + _field(1000, b"\x00" * 64)
    with grpc.insecure_channel(small_server.address) as channel:
        call = channel.stream_stream(
            "/arrow.flight.protocol.FlightService/DoPut", request_serializer=bytes, response_deserializer=bytes
        )
        with pytest.raises(grpc.RpcError) as refused:
            list(call(iter([data]), timeout=30))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details()


def test_a_spine_with_very_many_columns(client: thalweg.Client) -> None:
    columns = {f"c{number}": [number] for number in range(20_000)}
    spine = {"carrier": ["UA"], "event_timestamp": [dt.datetime(2013, 1, 1, 12)]} | columns
    table = client.get_historical_features(spine, ["carrier_delays:departures_1d"]).to_arrow()
    assert table.num_columns == 20_003
    assert table["carrier_delays__departures_1d"].to_pylist() == [3]


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of protobuf."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
