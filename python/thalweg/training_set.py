"""A training set: described at once, computed and fetched when it is read."""

from __future__ import annotations

import json
from .answer import Answer
from .leakage import Leakage, of_report


class TrainingSet(Answer):
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

    def __repr__(self) -> str:
        return f"<TrainingSet {self.commit[:12]}: {self.num_rows} rows, {len(self.schema)} columns>"

    def __len__(self) -> int:
        return self.num_rows

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
