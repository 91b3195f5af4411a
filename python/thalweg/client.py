"""The client of a running server."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

import pyarrow as pa

from . import catalog, produced, status
from ._wire import admin_pb2, online_pb2
from .answer import Answer
from .catalog import FeatureService, FeatureView, Topic
from .columns import to_wire
from .connection import Connection
from .feature_history import FeatureHistory
from .frames import Rows, to_reader, to_table
from .instants import Instant, to_micros
from .online import OnlineResponse
from .produced import MinOffsets, Produced
from .spines import EventSpine, FileSpine
from .status import ServerStatus
from .stream import stream
from .training_set import TrainingSet

#: Which of the events up to its instant a row of a training set sees.
AsOf = Literal["event_time", "known", "served"]

#: Where a server listens unless its settings say otherwise.
DEFAULT_ADDRESS = "127.0.0.1:7461"


class Client:
    """Asks one server for training sets and lookups, and appends events.

    `address` is a host and port; without one, the environment's `THALWEG_SERVER`, else 127.0.0.1:7461.
    `timeout` is the longest one call may take, in seconds (`None`: for ever); streaming a training set is one
    call.

    >>> import thalweg
    >>> with thalweg.Client(timeout=60) as client:
    ...     [service.name for service in client.list_feature_services()]
    ['delays']
    """

    def __init__(self, address: str | None = None, *, timeout: float | None = None) -> None:
        self._connection = Connection(address or os.environ.get("THALWEG_SERVER") or DEFAULT_ADDRESS, timeout)

    @property
    def address(self) -> str:
        """The server's host and port."""
        return self._connection.address

    def get_historical_features(
        self,
        entity_df: Rows | FileSpine | EventSpine,
        features: Sequence[str] | None = None,
        *,
        feature_service: str | None = None,
        timestamp_column: str = "event_timestamp",
        as_of: AsOf = "event_time",
        boundary: Literal["inclusive", "exclusive"] = "inclusive",
        statuses: bool = False,
        full_feature_names: bool = True,
        pin: Mapping[str, Any] | Answer | str | None = None,
        shards: int | None = None,
        order: Literal["spine", "any"] = "spine",
    ) -> TrainingSet:
        """Features for every row of `entity_df`, each at the row's instant.

        - `entity_df`: rows with the join keys, an instant, and the request inputs of on-demand features each: a pandas
          or polars DataFrame, an Arrow table or batch reader, a list of dicts or a dict of lists. All its columns come
          back as they were given, in the same order of rows. Instants without a zone are UTC. A pandas index is left
          out. Or a `FileSpine` or an `EventSpine`, which the server reads or makes.
        - `features`: references, `view:column` or `view:*`; or `feature_service`, a service's name.
        - `timestamp_column`: the column of instants.
        - `as_of`: which of the events up to its instant a row sees: all (`event_time`: what had happened), those that the
          log had by then (`known`: what could be known), or those that the server had applied then (`served`: what was
          answered). All but the first need sources that name their append time.
        - `boundary`: whether events at a row's very instant take part.
        - `statuses`: add a column `…__status` for each feature.
        - `full_feature_names`: name columns `view__column`, or `column` where no two clash.
        - `pin`: the log prefix to rest on: `TrainingSet.pin` of another, or its commit id where this server has made
          it; the end of the log now, if none.
        - `shards`: have the rows computed and sent in so many streams.
        - `order`: `any` adds a column `_row`, the row's place in `entity_df`, and lets streams come in any order.

        The request is checked here, with the errors it deserves; the values are computed when they are read.

        >>> import pandas, thalweg
        >>> entity_df = pandas.DataFrame({
        ...     "carrier": ["UA", "UA"],
        ...     "event_timestamp": pandas.to_datetime(["2013-01-01T10:00:00", "2013-01-01T12:00:00"]),
        ...     "label": [True, False],
        ... })
        >>> job = thalweg.Client().get_historical_features(
        ...     entity_df, features=["carrier_delays:departures_1d"], full_feature_names=False
        ... )
        >>> job.to_df()[["carrier", "label", "departures_1d"]]
          carrier  label  departures_1d
        0      UA   True              0
        1      UA  False              3
        """
        command = _training_set(
            features, feature_service, timestamp_column, as_of, boundary, statuses, full_feature_names, pin
        )
        if shards is not None:
            command["shards"] = shards
        if order != "spine":
            command["order"] = order
        if isinstance(entity_df, (FileSpine, EventSpine)):
            command["spine"] = entity_df.to_command()
        else:
            command["spine"] = self._connection.put(command, to_reader(entity_df, "entity_df"))["spine"]
        info = self._connection.describe(command)
        return TrainingSet(self._connection, command, info)

    def stream_historical_features(
        self,
        entity_df: Rows,
        features: Sequence[str] | None = None,
        *,
        feature_service: str | None = None,
        timestamp_column: str = "event_timestamp",
        as_of: AsOf = "event_time",
        boundary: Literal["inclusive", "exclusive"] = "inclusive",
        statuses: bool = False,
        full_feature_names: bool = True,
        pin: Mapping[str, Any] | Answer | str | None = None,
    ) -> pa.RecordBatchReader:
        """Features for rows that come little by little: one batch of answers for each batch of rows, in order.

        A batch is sent when the answer to the one before it has been read, so rows may come from a reader that makes
        them as it goes; neither side holds more than a batch. All batches rest on one log prefix and one set of
        definitions: `pin`, or the end of the log when the stream begins, and the definitions at that time. The values
        are those that `get_historical_features` gives for the same rows; its arguments have the same meaning.

        Each batch has the server read the log once, however few rows it has: where all rows are at hand,
        `get_historical_features` is faster, and few large batches are faster than many small ones. A batch may have
        as many bytes as the server's `limits.message_bytes`. A batch that cannot be answered ends the stream with an
        error that says which one and why.

        >>> import datetime as dt, pyarrow as pa, thalweg
        >>> schema = pa.schema({"carrier": pa.string(), "event_timestamp": pa.timestamp("us")})
        >>> def hours():
        ...     for hour in (10, 11, 12):
        ...         row = {"carrier": "UA", "event_timestamp": dt.datetime(2013, 1, 1, hour)}
        ...         yield pa.RecordBatch.from_pylist([row], schema)
        >>> rows = pa.RecordBatchReader.from_batches(schema, hours())
        >>> answers = thalweg.Client().stream_historical_features(rows, ["carrier_delays:departures_1d"])
        >>> [batch["carrier_delays__departures_1d"].to_pylist() for batch in answers]
        [[0], [2], [3]]
        """
        command = _training_set(
            features, feature_service, timestamp_column, as_of, boundary, statuses, full_feature_names, pin
        )
        return self._connection.exchange(command, to_reader(entity_df, "entity_df"))

    def get_snapshot(
        self,
        features: Sequence[str] | None = None,
        *,
        feature_service: str | None = None,
        at: Instant | None = None,
        timestamp_column: str = "event_timestamp",
        as_of: AsOf = "event_time",
        boundary: Literal["inclusive", "exclusive"] = "inclusive",
        statuses: bool = False,
        full_feature_names: bool = True,
        pin: Mapping[str, Any] | Answer | str | None = None,
    ) -> TrainingSet:
        """Features of every entity at one instant: what batch scoring takes.

        One row for each entity that some view asked for knows by then, sorted by its join keys; the join keys come
        first, then `timestamp_column` with the instant, then the features. Where views have different join keys,
        one of them must have those of all others: its entities are the rows.

        - `at`: the instant; what the server's clock says, if none.
        - The other arguments are those of `get_historical_features`, which gives the same values for these rows.

        >>> import thalweg
        >>> job = thalweg.Client().get_snapshot(
        ...     ["carrier_delays:departures_1d"], at="2013-01-01T11:00:00Z", full_feature_names=False
        ... )
        >>> job.to_arrow().select(["carrier", "departures_1d"]).to_pylist()
        [{'carrier': 'AA', 'departures_1d': 1}, {'carrier': 'UA', 'departures_1d': 2}]
        """
        command = _training_set(
            features, feature_service, timestamp_column, as_of, boundary, statuses, full_feature_names, pin
        )
        command["type"] = "snapshot"
        if at is not None:
            command["at_us"] = to_micros(at)
        info = self._connection.describe(command)
        # The ticket names the instant, which may be the server's now.
        command["at_us"] = json.loads(info.endpoints[0].ticket.ticket)["spine"]["entities_at_us"]
        return TrainingSet(self._connection, command, info)

    def get_feature_history(
        self,
        entity_rows: Rows,
        features: Sequence[str] | None = None,
        *,
        feature_service: str | None = None,
        start: Instant,
        end: Instant,
        boundary: Literal["inclusive", "exclusive"] = "inclusive",
        statuses: bool = False,
        full_feature_names: bool = True,
        pin: Mapping[str, Any] | Answer | str | None = None,
    ) -> FeatureHistory:
        """How features changed: for each row of keys the intervals of [start, end) in which all stay the same.

        Each interval is a row: the columns of its keys, `_valid_from` and `_valid_to` (from the one on, before the other),
        then the features, which at every instant between have these values, and in the next interval do not all.
        Features that change from each instant to the next (`time_since_…`, `exp_decay_sum`) have no history and are
        refused.

        - `entity_rows`: rows with the join keys, in any form that `get_historical_features` takes.
        - The other arguments are those of `get_historical_features`. With `statuses`, a change of a status is a change.

        >>> import thalweg
        >>> history = thalweg.Client().get_feature_history(
        ...     [{"carrier": "UA"}],
        ...     ["carrier_delays:departures_1d"],
        ...     start="2013-01-01T10:00:00Z",
        ...     end="2013-01-01T11:00:00Z",
        ...     full_feature_names=False,
        ... )
        >>> for row in history.to_arrow().to_pylist():
        ...     print(f"{row['_valid_from']:%H:%M} {row['_valid_to']:%H:%M} {row['departures_1d']}")
        10:00 10:17 0
        10:17 10:33 1
        10:33 11:00 2
        """
        command = _training_set(
            features, feature_service, "event_timestamp", "event_time", boundary, statuses, full_feature_names, pin
        )
        command |= {"type": "feature_history", "from_us": to_micros(start), "to_us": to_micros(end)}
        command["spine"] = self._connection.put(command, to_reader(entity_rows, "entity_rows"))["spine"]
        return FeatureHistory(self._connection, command, self._connection.describe(command))

    def get_online_features(
        self,
        features: Sequence[str] | None = None,
        entity_rows: Rows | None = None,
        *,
        feature_service: str | None = None,
        at: Instant | None = None,
        min_offsets: MinOffsets | None = None,
        full_feature_names: bool = True,
        timeout: float | None = None,
    ) -> OnlineResponse:
        """Features of any number of entities at one instant, from the state the server keeps.

        - `features`: references, `view:column` or `view:*`; or `feature_service`, a service's name.
        - `entity_rows`: the join keys, and the request inputs of on-demand features, which may be `None`: a list of
          dicts, a dict of lists or a DataFrame.
        - `at`: the instant; what the server's clock says, if none.
        - `min_offsets`: wait, within `timeout` seconds, until these are applied: read your writes.
        - `full_feature_names`: name columns `view__column`, or `column` where no two clash.

        >>> import thalweg
        >>> client = thalweg.Client()
        >>> client.get_online_features(
        ...     feature_service="delays",
        ...     entity_rows=[{"carrier": "UA"}],
        ...     at="2013-01-01T10:16:00Z",
        ...     full_feature_names=False,
        ... ).to_dict()
        {'carrier': ['UA'], 'departures_1d': [0], 'dep_delay_avg_1d': [None], 'last_dest': [None]}
        """
        entities = to_table([] if entity_rows is None else entity_rows, "entity_rows")
        request = online_pb2.GetFeaturesRequest(
            feature_service=feature_service or "",
            features=_references(features or []),
            entities={name: to_wire(name, entities[name]) for name in entities.column_names},
            at_us=None if at is None else to_micros(at),
            min_offsets=produced.to_wire(min_offsets),
            short_feature_names=not full_feature_names,
            arrow=True,
        )
        answer = self._connection.call("OnlineFeatures/GetFeatures", request, online_pb2.GetFeaturesResponse, timeout)
        return OnlineResponse(entities, answer)

    def produce(
        self,
        topic: str,
        rows: Rows,
        *,
        key: str | Sequence[str] = (),
        timestamp: str | None = None,
        partition: int | None = None,
        partitions: int | None = None,
    ) -> Produced:
        """Appends rows to `topic`, in the format of the source that reads it, and returns when they are durable.

        - `key`: the fields a record's key is made of; equal keys go to one partition.
          A row of a table whose `"@tombstone"` is true deletes that key. Columns called `@key` and `@header.NAME` are the
          record's key and headers as they are.
        - `timestamp`: the field that becomes the record's timestamp; now, if none.
        - `partition`: put every record into this partition.
        - `partitions`: create the topic with this many if it does not exist.

        What it gives makes a lookup wait for these very rows:

        >>> import datetime as dt, thalweg
        >>> client = thalweg.Client()
        >>> row = {"flight_id": 5, "carrier": "DL", "dest": "ATL", "dep_delay": -2.0,
        ...        "dep_at": dt.datetime(2013, 1, 1, 11, 55)}
        >>> written = client.produce("departures", [row], key="carrier", timestamp="dep_at")
        >>> written.records
        1
        >>> client.get_online_features(
        ...     ["carrier_delays:last_dest"], [{"carrier": "DL"}], at="2013-01-01T12:00:00Z", min_offsets=written
        ... ).to_dict()
        {'carrier': ['DL'], 'carrier_delays__last_dest': ['ATL']}
        """
        options = {
            "key": [key] if isinstance(key, str) else list(key),
            "timestamp": timestamp,
            "partition": partition,
            "partitions": partitions,
        }
        command = {"type": "produce", "topic": topic} | {
            name: value for name, value in options.items() if value is not None
        }
        answer = self._connection.put(command, to_reader(rows, "rows"))
        next_offsets = {int(partition): offset for partition, offset in answer["next_offsets"].items()}
        return Produced(answer["topic"], answer["records"], next_offsets)

    #: Feast's name for `produce`.
    push = produce

    def get_events(
        self,
        topic: str,
        *,
        start: Instant | None = None,
        end: Instant | None = None,
        offsets: Sequence[int] = (),
        follow: bool = False,
        dead_letters: bool = False,
    ) -> pa.RecordBatchReader:
        """Decoded events of `topic` whose record timestamps lie in [start, end), up to the end of the log now.

        Reading begins at `offsets`, by partition, or at a partition's start. With `follow` it never ends: what is
        appended comes as it is appended, to train a model on a live stream; the client's timeout does not count then.
        A reader that was cut off goes on from the `_offset` after the last it has of each `_partition`.
        With `dead_letters`, the records that could not be used, each with its bytes and the reason.

        >>> import thalweg
        >>> events = thalweg.Client().get_events("departures", end="2013-01-01T10:33:00Z").read_all()
        >>> events.select(["_offset", "carrier", "dep_delay"]).to_pylist()
        [{'_offset': 0, 'carrier': 'UA', 'dep_delay': 2.0}]
        """
        command: dict[str, Any] = {"type": "events", "topic": topic, "dead_letters": dead_letters}
        if start is not None:
            command["from_us"] = to_micros(start)
        if end is not None:
            command["to_us"] = to_micros(end)
        if offsets:
            command["offsets"] = list(offsets)
        if follow:
            command["follow"] = True
        info = self._connection.describe(command)
        options = self._connection.endless if follow else self._connection.options
        return stream(self._connection.flight, self.address, info, options)

    def list_feature_services(self) -> list[FeatureService]:
        """The feature services, each with its join keys, features and request inputs."""
        return catalog.services(self._connection.flights())

    def list_feature_views(self) -> list[FeatureView]:
        """The feature views, on-demand ones among them, each with its join keys, features and request inputs."""
        return catalog.views(self._connection.flights())

    def list_topics(self) -> list[Topic]:
        """The topics that sources read, each with the columns of its events."""
        return catalog.topics(self._connection.flights())

    def status(self) -> ServerStatus:
        """How far the online state has come.

        >>> import thalweg
        >>> [source.name for source in thalweg.Client().status().sources]
        ['departures']
        """
        answer = self._connection.call("Admin/Status", admin_pb2.StatusRequest(), admin_pb2.StatusResponse)
        return status.of_wire(answer)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _training_set(
    features: Sequence[str] | None,
    feature_service: str | None,
    timestamp_column: str,
    as_of: str,
    boundary: str,
    statuses: bool,
    full_feature_names: bool,
    pin: Mapping[str, Any] | Answer | str | None,
) -> dict[str, Any]:
    """The Flight command for a training set, but for its rows."""
    command: dict[str, Any] = {
        "type": "training_set",
        "timestamp_column": timestamp_column,
        "as_of": as_of,
        "boundary": boundary,
        "statuses": statuses,
        "full_feature_names": full_feature_names,
    }
    if feature_service is not None:
        command["feature_service"] = feature_service
    if features is not None:
        command["features"] = _references(features)
    if pin is not None:
        command["pin"] = pin.pin if isinstance(pin, Answer) else pin if isinstance(pin, str) else dict(pin)
    return command


def _references(features: Sequence[str]) -> list[str]:
    """A lone text is one reference, not its letters."""
    return [features] if isinstance(features, str) else list(features)
