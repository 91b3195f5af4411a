"""A feature history: described at once, computed and fetched when it is read."""

from __future__ import annotations

from .answer import Answer


class FeatureHistory(Answer):
    """For each row of keys the intervals of a stretch of time in which no feature changes.

    Columns are those of the keys, `_valid_from`, `_valid_to`, then features, then statuses where asked for. How many
    rows there are is known when they have been read. Every `to_…` fetches them anew from the server.

    >>> import thalweg
    >>> history = thalweg.Client().get_feature_history(
    ...     {"carrier": ["AA"]}, ["carrier_delays:departures_1d"], start="2013-01-01T00:00:00Z", end="2013-01-04T00:00:00Z"
    ... )
    >>> len(history.commit)
    64
    >>> history.to_arrow()["carrier_delays__departures_1d"].to_pylist()
    [0, 1, 0]
    """

    def __repr__(self) -> str:
        return f"<FeatureHistory {self.commit[:12]}: {len(self.schema)} columns>"
