"""What training sets and feature histories have in common: rows that are fetched when they are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import flight

from .stream import stream, table

if TYPE_CHECKING:
    import pandas
    import polars

    from .connection import Connection


class Answer:
    """Rows that a server has described. Every `to_…` fetches them anew; a commit id stands for the same bytes each time."""

    def __init__(self, connection: Connection, command: dict[str, Any], info: flight.FlightInfo) -> None:
        self._connection = connection
        self._command = command
        self._info = info
        self._about: dict[str, Any] = json.loads(info.app_metadata)

    @property
    def commit(self) -> str:
        """The commit id: equal ids mean byte-identical answers."""
        return str(self._about["commit"])

    @property
    def manifest(self) -> dict[str, Any]:
        """What the commit id is a hash of: definitions, spine, pin, boundary, columns, engine version."""
        return dict(self._about["manifest"])

    @property
    def pin(self) -> dict[str, Any]:
        """The log prefix the values rest on; give it as `pin` to rest another request on the same prefix."""
        return dict(self.manifest["pin"])

    @property
    def schema(self) -> pa.Schema:
        """Spine columns as they were given, then features, then statuses where asked for."""
        return self._info.schema

    def to_batches(self) -> pa.RecordBatchReader:
        """A reader that holds no more than a few batches at a time, for what does not fit in memory."""
        connection = self._connection
        return stream(connection.flight, connection.address, self._info, connection.options)

    def to_arrow(self) -> pa.Table:
        """All rows as an Arrow table; where they come in several shards, these are read side by side."""
        connection = self._connection
        return table(connection.flight, connection.address, self._info, connection.options)

    def to_df(self, **options: Any) -> pandas.DataFrame:
        """All rows as a pandas DataFrame, maps as dicts; `options` are those of `pyarrow.Table.to_pandas`.

        pandas' own numbers know no null: integer features with nulls become floats, and in float columns
        null and NaN look alike. `types_mapper=pandas.ArrowDtype` keeps them apart.
        """
        return self.to_arrow().to_pandas(**{"maps_as_pydicts": "strict"} | options)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a polars DataFrame."""
        import polars

        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame), "a table becomes a frame"
        return frame
