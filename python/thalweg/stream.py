"""The batches of a flight, read as they come."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import flight

from .errors import in_our_words


def stream(
    connection: flight.FlightClient, target: str, info: flight.FlightInfo, options: flight.FlightCallOptions
) -> pa.RecordBatchReader:
    """All batches of a flight's endpoints, one after the other; `target` is the server, for errors.

    Nothing is asked of the server before the first batch is read. A caller that stops reading and drops the
    reader tells the server so.
    """
    return pa.RecordBatchReader.from_batches(info.schema, _batches(connection, target, info, options))


def _batches(
    connection: flight.FlightClient, target: str, info: flight.FlightInfo, options: flight.FlightCallOptions
) -> Iterator[pa.RecordBatch]:
    with in_our_words(target):
        for endpoint in info.endpoints:
            reader = connection.do_get(endpoint.ticket, options)
            try:
                for chunk in reader:
                    yield chunk.data
            finally:
                reader.cancel()
