"""The answer to a lookup."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ._wire import online_pb2 as wire
from .instants import of_micros

if TYPE_CHECKING:
    import pandas


class OnlineResponse:
    """Values of features for entity rows at one instant, and what they rest on.

    >>> import thalweg
    >>> answer = thalweg.Client().get_online_features(
    ...     features=["carrier_delays:dep_delay_avg_1d"],
    ...     entity_rows={"carrier": ["UA", "no such carrier"]},
    ...     at="2013-01-01T12:00:00Z",
    ... )
    >>> answer.to_dict()
    {'carrier': ['UA', 'no such carrier'], 'carrier_delays__dep_delay_avg_1d': [3.0, None]}
    >>> answer.statuses
    {'carrier_delays__dep_delay_avg_1d': ['PRESENT', 'NOT_FOUND']}
    >>> answer.at.isoformat()
    '2013-01-01T12:00:00+00:00'
    """

    def __init__(self, entities: pa.Table, response: wire.GetFeaturesResponse) -> None:
        answer = pa.ipc.open_stream(response.arrow).read_all()
        # Values, then their statuses, then the times of the newest events: a third each.
        count = answer.num_columns // 3
        self._entities = entities
        self._values = answer.select(range(count))
        self._statuses = answer.select(range(count, 2 * count))
        self._event_times = answer.select(range(2 * count, 3 * count))
        self._response = response

    def __len__(self) -> int:
        """How many entity rows were asked for."""
        return int(self._entities.num_rows)

    @property
    def feature_names(self) -> list[str]:
        """Names of the feature columns, in the order asked for."""
        return list(self._values.column_names)

    @property
    def statuses(self) -> dict[str, list[str]]:
        """For each feature a status a row: `PRESENT`, `NULL_VALUE`, `NOT_FOUND` or `OUTSIDE_MAX_AGE`."""
        return {name: column.to_pylist() for name, column in zip(self.feature_names, self._statuses.columns)}

    @property
    def event_times(self) -> dict[str, list[dt.datetime | None]]:
        """For each feature the time of its view's newest event that each row saw; `None` where there is none."""
        return {name: column.to_pylist() for name, column in zip(self.feature_names, self._event_times.columns)}

    @property
    def at(self) -> dt.datetime:
        """The instant the values are of."""
        return of_micros(self._response.at_us)

    @property
    def watermark(self) -> dt.datetime | None:
        """The least watermark of the sources; `None` where nothing has been applied yet."""
        known = self._response.HasField("watermark_us")
        return of_micros(self._response.watermark_us) if known else None

    @property
    def applied(self) -> dict[str, dict[int, int]]:
        """The log prefix the values rest on: topic → partition → next offset."""
        applied: dict[str, dict[int, int]] = {}
        for offset in self._response.applied:
            applied.setdefault(offset.topic, {})[offset.partition] = offset.next_offset
        return applied

    @property
    def versions(self) -> dict[str, str]:
        """The views that answered, each with the version of its definition."""
        return {view.view: view.version for view in self._response.versions}

    def to_arrow(self, *, include_statuses: bool = False) -> pa.Table:
        """Entity columns, features and, if wanted, a `…__status` column for each feature."""
        parts = [self._entities, self._values] + ([self._statuses] if include_statuses else [])
        columns = [column for part in parts for column in part.columns]
        return pa.table(columns, schema=pa.schema([field for part in parts for field in part.schema]))

    def to_dict(self, *, include_statuses: bool = False) -> dict[str, list[Any]]:
        """Column name → values, entity columns first; maps as dicts."""
        arrow = self.to_arrow(include_statuses=include_statuses)
        table: dict[str, list[Any]] = arrow.to_pydict(maps_as_pydicts="strict")
        return table

    def to_df(self, *, include_statuses: bool = False, **options: Any) -> pandas.DataFrame:
        """A pandas DataFrame, maps as dicts; `options` are those of `pyarrow.Table.to_pandas`."""
        return self.to_arrow(include_statuses=include_statuses).to_pandas(**{"maps_as_pydicts": "strict"} | options)
