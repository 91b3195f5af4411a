"""The batches of a flight, read as they come."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from pyarrow import flight

from .errors import in_our_words

#: Streams read at once where all rows are wanted.
_STREAMS_AT_ONCE = 4


def stream(
    connection: flight.FlightClient, target: str, info: flight.FlightInfo, options: flight.FlightCallOptions
) -> pa.RecordBatchReader:
    """All batches of a flight's endpoints, one after the other; `target` is the server, for errors.

    Nothing is asked of the server before the first batch is read. A caller that stops reading and drops the
    reader tells the server so.
    """
    batches = _batches(connection, target, info.endpoints, options)
    return pa.RecordBatchReader.from_batches(info.schema, batches)


def table(
    connection: flight.FlightClient, target: str, info: flight.FlightInfo, options: flight.FlightCallOptions
) -> pa.Table:
    """All rows of a flight, in the order of its endpoints, several of which are read at once."""
    if len(info.endpoints) == 1:
        return stream(connection, target, info, options).read_all()

    def of_endpoint(endpoint: flight.FlightEndpoint) -> list[pa.RecordBatch]:
        return list(_batches(connection, target, [endpoint], options))

    with ThreadPoolExecutor(_STREAMS_AT_ONCE) as threads:
        batches = [batch for of_one in threads.map(of_endpoint, info.endpoints) for batch in of_one]
    return pa.Table.from_batches(batches, info.schema)


def _batches(
    connection: flight.FlightClient,
    target: str,
    endpoints: list[flight.FlightEndpoint],
    options: flight.FlightCallOptions,
) -> Iterator[pa.RecordBatch]:
    with in_our_words(target):
        for endpoint in endpoints:
            reader = connection.do_get(endpoint.ticket, options)
            try:
                for chunk in reader:
                    yield chunk.data
            finally:
                reader.cancel()
