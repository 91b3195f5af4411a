"""The calls a client makes, on one port: gRPC for lookups, Arrow Flight for rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import grpc
import pyarrow as pa
from google.protobuf.message import Message
from pyarrow import flight

from .errors import in_our_words

Answer = TypeVar("Answer", bound=Message)

#: Answers may be as large as they must; requests are limited by the server.
_CHANNEL_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

#: What Arrow raises where a call fails.
_FLIGHT_FAILURES = (flight.FlightError, pa.ArrowException, OSError)

#: Rows of one uploaded batch: small enough for any server's limit on a message.
_ROWS_PER_BATCH = 65_536


class Connection:
    """A server's address and the two clients that talk to it. Connects when it is first used."""

    def __init__(self, address: str, timeout: float | None) -> None:
        self.address = address
        self._timeout = timeout
        self._channel = grpc.insecure_channel(address, options=_CHANNEL_OPTIONS)
        self.flight = flight.connect(f"grpc://{address}")

    def close(self) -> None:
        """Ends all calls."""
        self._channel.close()
        self.flight.close()

    @property
    def options(self) -> flight.FlightCallOptions:
        """Options of a Flight call that has the client's time."""
        return flight.FlightCallOptions(timeout=self._timeout)

    @property
    def endless(self) -> flight.FlightCallOptions:
        """Options of a Flight call that goes on until it is cancelled."""
        return flight.FlightCallOptions()

    def call(self, path: str, request: Message, answer: type[Answer], timeout: float | None = None) -> Answer:
        """One gRPC call of the method at `path`, `service/method`."""
        method = self._channel.unary_unary(
            f"/thalweg.v1.{path}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        with in_our_words(self.address):
            answered: Answer = method(request, timeout=self._timeout if timeout is None else timeout)
            return answered

    def put(self, command: dict[str, Any], rows: pa.RecordBatchReader) -> dict[str, Any]:
        """Sends `rows` with the command that says what they are for, and gives the server's answer."""
        descriptor = flight.FlightDescriptor.for_command(json.dumps(command))
        with in_our_words(self.address):
            writer, results = self.flight.do_put(descriptor, rows.schema, self.options)
            with writer:
                for batch in _bounded(rows):
                    writer.write_batch(batch)
                writer.done_writing()
                answer = results.read()
        acknowledged: dict[str, Any] = json.loads(answer.to_pybytes()) if answer is not None else {}
        return acknowledged

    def exchange(self, command: dict[str, Any], rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """Sends `rows` batch by batch, each when the answer to the one before it has been read."""
        descriptor = flight.FlightDescriptor.for_command(json.dumps(command))
        with in_our_words(self.address):
            writer, answers = self.flight.do_exchange(descriptor, self.options)
            with _refusals_read_from(answers):
                writer.begin(rows.schema)
            schema = answers.schema
        return pa.RecordBatchReader.from_batches(schema, _answered(self.address, writer, answers, rows))

    def describe(self, command: dict[str, Any]) -> flight.FlightInfo:
        """What `command` gives, before any of it is computed."""
        descriptor = flight.FlightDescriptor.for_command(json.dumps(command))
        with in_our_words(self.address):
            return self.flight.get_flight_info(descriptor, self.options)

    def flights(self) -> list[flight.FlightInfo]:
        """Everything the server offers."""
        with in_our_words(self.address):
            return list(self.flight.list_flights(options=self.options))


def _answered(
    target: str, writer: flight.FlightStreamWriter, answers: flight.FlightStreamReader, rows: pa.RecordBatchReader
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in rows:
            with in_our_words(target):
                with _refusals_read_from(answers):
                    writer.write_batch(batch)
                answer = answers.read_chunk().data
            yield answer
        with in_our_words(target):
            writer.done_writing()
            # The server's last word: that this was all.
            answers.read_all()
    finally:
        answers.cancel()
        with suppress(*_FLIGHT_FAILURES):
            writer.close()


@contextmanager
def _refusals_read_from(answers: flight.FlightStreamReader) -> Iterator[None]:
    """Where the server takes no more within, it tells why to who reads."""
    try:
        yield
    except _FLIGHT_FAILURES:
        answers.read_chunk()
        raise


def _bounded(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in rows:
        for start in range(0, batch.num_rows, _ROWS_PER_BATCH):
            yield batch.slice(start, _ROWS_PER_BATCH)
