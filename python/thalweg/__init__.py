"""Client of Thalweg, the event-sourced feature store.

One definition of a feature, run by one engine over one log, gives the value of a training row at any past
instant and the value served online now. This package asks a running server (`thalweg serve`) for both,
with Feast's vocabulary:

>>> import thalweg
>>> client = thalweg.Client()

A **training set** takes rows with join keys and an instant each, and gives them back with features:

>>> import datetime as dt
>>> rows = [
...     {"carrier": "UA", "event_timestamp": dt.datetime(2013, 1, 1, 12)},
...     {"carrier": "AA", "event_timestamp": dt.datetime(2013, 1, 1, 12)},
... ]
>>> job = client.get_historical_features(rows, feature_service="delays")
>>> job.to_arrow().column_names
['carrier', 'event_timestamp', 'carrier_delays__departures_1d', 'carrier_delays__dep_delay_avg_1d', 'carrier_delays__last_dest']
>>> job.to_arrow()["carrier_delays__departures_1d"].to_pylist()
[3, 1]

A **lookup** gives the same values for one instant, from state that is kept up to date:

>>> answer = client.get_online_features(
...     features=["carrier_delays:departures_1d"],
...     entity_rows=[{"carrier": "UA"}],
...     at="2013-01-01T12:00:00Z",
... )
>>> answer.to_dict()
{'carrier': ['UA'], 'carrier_delays__departures_1d': [3]}

What this package is not: an engine. It computes nothing and decides nothing about values; it carries Arrow
columns there and back. pandas and polars are imported only when a method named after them is called, or
such a frame is given.
"""

from .catalog import FeatureService, FeatureView, Topic
from .client import Client
from .errors import (
    DeadlineExceeded,
    FailedPrecondition,
    InternalError,
    InvalidArgument,
    NotFound,
    OutOfRange,
    ResourceExhausted,
    ThalwegError,
    Unavailable,
)
from .feature_history import FeatureHistory
from .leakage import FeatureLeakage, Leakage, LeakingRow
from .online import OnlineResponse
from .produced import Produced
from .spines import EventSpine, FileSpine
from .status import PartitionStatus, ServerStatus, SourceStatus, ViewBuild, ViewStatus
from .training_set import TrainingSet

__all__ = [
    "Client",
    "DeadlineExceeded",
    "EventSpine",
    "FailedPrecondition",
    "FeatureHistory",
    "FeatureLeakage",
    "FeatureService",
    "FeatureView",
    "FileSpine",
    "InternalError",
    "InvalidArgument",
    "Leakage",
    "LeakingRow",
    "NotFound",
    "OnlineResponse",
    "OutOfRange",
    "PartitionStatus",
    "Produced",
    "ResourceExhausted",
    "ServerStatus",
    "SourceStatus",
    "ThalwegError",
    "Topic",
    "TrainingSet",
    "Unavailable",
    "ViewBuild",
    "ViewStatus",
]
