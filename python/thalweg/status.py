"""How a server is doing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ._wire import admin_pb2 as wire
from .instants import of_micros


@dataclass(frozen=True)
class PartitionStatus:
    """How far the online state has come in one partition."""

    topic: str
    partition: int
    #: Next offset of the log.
    next_offset: int
    #: Next offset of the online state.
    applied: int

    @property
    def lag(self) -> int:
        """Records the online state is behind."""
        return max(0, self.next_offset - self.applied)


@dataclass(frozen=True)
class ViewBuild:
    """A version of a view on its way to answer lookups."""

    #: Version of the definition, in hexadecimal.
    version: str
    #: Records of the log that it has not read yet.
    records_left: int
    #: Why it does not go on; empty while it does.
    stopped: str


@dataclass(frozen=True)
class ViewStatus:
    """The online state of one view."""

    name: str
    #: Version of the definition that answers lookups, in hexadecimal; empty while the first one is being built.
    version: str
    #: Keys with state.
    keys: int
    #: Bytes of state, estimated.
    bytes: int
    #: Whether lookups are answered.
    ready: bool
    #: What is built to take its place; `None` where nothing is.
    building: ViewBuild | None


@dataclass(frozen=True)
class SourceStatus:
    """What became of the events of one source."""

    name: str
    #: `running`, `waiting for topic …` or `stopped: …`.
    state: str
    watermark: dt.datetime | None
    events: int
    dead_letters: int
    failed_expressions: int


@dataclass(frozen=True)
class ServerStatus:
    """Lag, watermarks, views and state."""

    partitions: list[PartitionStatus]
    views: list[ViewStatus]
    sources: list[SourceStatus]
    #: The least watermark of the sources; `None` where nothing has been applied yet.
    watermark: dt.datetime | None

    @property
    def lag(self) -> int:
        """Records the online state is behind, over all partitions."""
        return sum(partition.lag for partition in self.partitions)


def of_wire(status: wire.StatusResponse) -> ServerStatus:
    """The status as the wire has it."""
    return ServerStatus(
        partitions=[PartitionStatus(p.topic, p.partition, p.next_offset, p.applied) for p in status.partitions],
        views=[ViewStatus(v.name, v.version, v.keys, v.bytes, v.ready, _build(v)) for v in status.views],
        sources=[
            SourceStatus(s.name, s.state, _watermark(s), s.events, s.dead_letters, s.failed_expressions)
            for s in status.sources
        ],
        watermark=_watermark(status),
    )


def _build(view: wire.ViewStatus) -> ViewBuild | None:
    build = view.building
    return ViewBuild(build.version, build.records_left, build.stopped) if view.HasField("building") else None


def _watermark(message: wire.StatusResponse | wire.SourceStatus) -> dt.datetime | None:
    return of_micros(message.watermark_us) if message.HasField("watermark_us") else None
