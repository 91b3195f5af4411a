"""Spines that need no upload: the server has them, or makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .instants import Instant, to_micros


@dataclass(frozen=True)
class FileSpine:
    """A Parquet, CSV or Arrow file that the server reads.

    It is named by its path or `file://` URL, in one of the folders that the server's setting `spines.folders` names, or by
    the URL of an object (`s3://`, `gs://`, `az://`, `https://`) that begins as its setting `spines.urls` allows.

    >>> import thalweg
    >>> try:
    ...     thalweg.Client().get_historical_features(thalweg.FileSpine("/data/rows.parquet"), ["carrier_delays:*"])
    ... except thalweg.FailedPrecondition as refused:
    ...     print(refused)
    FAILED_PRECONDITION: spine file `/data/rows.parquet` may not be read: the setting allows no folders; upload it by DoPut, or change `spines.folders`
    """

    path: str

    def to_command(self) -> dict[str, Any]:
        """As a Flight command has it."""
        return {"file": self.path}


@dataclass(frozen=True)
class EventSpine:
    """The events of a source: one row for each, at its event time, in the order of the log.

    - `columns`: the fields that become columns; all, if none is named. Where `timestamp_column` of the request names
      one of them, that is the row's instant; else it is a further column, with the event's time.
    - `start`, `end`: only events that happened in [start, end).
    - `skip_incomplete`: leave out events without a join key or an instant, which are refused otherwise.

    An event is seen by its own row, where features are made of the same source; `boundary="exclusive"` prevents that.

    >>> import thalweg
    >>> spine = thalweg.EventSpine("departures", columns=["carrier", "dest"], end="2013-01-01T11:00:00Z")
    >>> job = thalweg.Client().get_historical_features(
    ...     spine, ["carrier_delays:departures_1d"], boundary="exclusive", full_feature_names=False
    ... )
    >>> job.to_arrow().select(["carrier", "dest", "departures_1d"]).to_pylist()
    [{'carrier': 'UA', 'dest': 'IAH', 'departures_1d': 0}, {'carrier': 'UA', 'dest': 'MIA', 'departures_1d': 1}, {'carrier': 'AA', 'dest': 'MIA', 'departures_1d': 0}]
    """

    source: str
    columns: Sequence[str] = ()
    start: Instant | None = None
    end: Instant | None = None
    skip_incomplete: bool = False

    def to_command(self) -> dict[str, Any]:
        """As a Flight command has it."""
        command: dict[str, Any] = {"source": self.source, "columns": list(self.columns)}
        if self.start is not None:
            command["from_us"] = to_micros(self.start)
        if self.end is not None:
            command["to_us"] = to_micros(self.end)
        if self.skip_incomplete:
            command["skip_incomplete"] = True
        return command
