"""A training set: described at once, computed and fetched when it is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import flight

from .leakage import Leakage, of_report
from .stream import stream

if TYPE_CHECKING:
    import pandas
    import polars

    from .connection import Connection


class TrainingSet:
    """The rows of a spine with features at each row's instant.

    Every `to_…` fetches the rows anew from the server; a commit id stands for the same bytes each time.

    >>> import datetime as dt, thalweg
    >>> spine = {"carrier": ["UA"], "event_timestamp": [dt.datetime(2013, 1, 1, 10, 30)]}
    >>> job = thalweg.Client().get_historical_features(spine, features=["carrier_delays:*"], statuses=True)
    >>> job.num_rows, len(job.commit)
    (1, 64)
    >>> job.to_arrow()["carrier_delays__last_dest"].to_pylist()
    ['IAH']
    >>> sum(batch.num_rows for batch in job.to_batches())
    1
    """

    def __init__(self, connection: Connection, command: dict[str, Any], info: flight.FlightInfo) -> None:
        self._connection = connection
        self._command = command
        self._info = info
        self._about: dict[str, Any] = json.loads(info.app_metadata)

    def __repr__(self) -> str:
        return f"<TrainingSet {self.commit[:12]}: {self.num_rows} rows, {len(self.schema)} columns>"

    def __len__(self) -> int:
        return self.num_rows

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

    @property
    def num_rows(self) -> int:
        """As many rows as the spine has, or as there are entities."""
        return int(self._info.total_records)

    def leakage(self) -> Leakage:
        """For each feature, how many rows have another value as of event time than as of what was known.

        A model that learns from such values learns from what it will not have when it is asked. The server makes the
        training set both ways to tell, over the very log prefix that this one rests on, whatever this one is as of. The
        sources of all features must name their append time.

        >>> import datetime as dt, thalweg
        >>> spine = {"carrier": ["UA"], "event_timestamp": [dt.datetime(2013, 1, 1, 10, 30)]}
        >>> leakage = thalweg.Client().get_historical_features(spine, features=["carrier_delays:*"]).leakage()
        >>> leakage.rows, leakage.leaking
        (1, [])
        >>> leakage["carrier_delays__last_dest"].rows
        0
        """
        about = self._connection.describe(self._command | {"pin": self.pin, "leakage": True}).app_metadata
        return of_report(json.loads(about)["leakage"])

    def to_batches(self) -> pa.RecordBatchReader:
        """A reader that holds no more than a few batches at a time, for what does not fit in memory."""
        connection = self._connection
        return stream(connection.flight, connection.address, self._info, connection.options)

    def to_arrow(self) -> pa.Table:
        """All rows as an Arrow table."""
        return self.to_batches().read_all()

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
