from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DefinitionFile(_message.Message):
    __slots__ = ("name", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ApplyRequest(_message.Message):
    __slots__ = ("files", "dry_run")
    FILES_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[DefinitionFile]
    dry_run: bool
    def __init__(self, files: _Optional[_Iterable[_Union[DefinitionFile, _Mapping]]] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class ApplyResponse(_message.Message):
    __slots__ = ("text", "json", "changes")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    text: str
    json: str
    changes: bool
    def __init__(self, text: _Optional[str] = ..., json: _Optional[str] = ..., changes: _Optional[bool] = ...) -> None: ...

class RebuildRequest(_message.Message):
    __slots__ = ("views", "stopped")
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    views: _containers.RepeatedScalarFieldContainer[str]
    stopped: bool
    def __init__(self, views: _Optional[_Iterable[str]] = ..., stopped: _Optional[bool] = ...) -> None: ...

class RebuildResponse(_message.Message):
    __slots__ = ("views",)
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    views: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, views: _Optional[_Iterable[str]] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("partitions", "views", "sources", "watermark_us")
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_US_FIELD_NUMBER: _ClassVar[int]
    partitions: _containers.RepeatedCompositeFieldContainer[PartitionStatus]
    views: _containers.RepeatedCompositeFieldContainer[ViewStatus]
    sources: _containers.RepeatedCompositeFieldContainer[SourceStatus]
    watermark_us: int
    def __init__(self, partitions: _Optional[_Iterable[_Union[PartitionStatus, _Mapping]]] = ..., views: _Optional[_Iterable[_Union[ViewStatus, _Mapping]]] = ..., sources: _Optional[_Iterable[_Union[SourceStatus, _Mapping]]] = ..., watermark_us: _Optional[int] = ...) -> None: ...

class PartitionStatus(_message.Message):
    __slots__ = ("topic", "partition", "next_offset", "applied")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    NEXT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    next_offset: int
    applied: int
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ..., next_offset: _Optional[int] = ..., applied: _Optional[int] = ...) -> None: ...

class ViewStatus(_message.Message):
    __slots__ = ("name", "version", "keys", "bytes", "ready", "building")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    BUILDING_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    keys: int
    bytes: int
    ready: bool
    building: ViewBuild
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., keys: _Optional[int] = ..., bytes: _Optional[int] = ..., ready: _Optional[bool] = ..., building: _Optional[_Union[ViewBuild, _Mapping]] = ...) -> None: ...

class ViewBuild(_message.Message):
    __slots__ = ("version", "records_left", "stopped")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RECORDS_LEFT_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    version: str
    records_left: int
    stopped: str
    def __init__(self, version: _Optional[str] = ..., records_left: _Optional[int] = ..., stopped: _Optional[str] = ...) -> None: ...

class SourceStatus(_message.Message):
    __slots__ = ("name", "state", "watermark_us", "events", "dead_letters", "failed_expressions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_US_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    FAILED_EXPRESSIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: str
    watermark_us: int
    events: int
    dead_letters: int
    failed_expressions: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[str] = ..., watermark_us: _Optional[int] = ..., events: _Optional[int] = ..., dead_letters: _Optional[int] = ..., failed_expressions: _Optional[int] = ...) -> None: ...

class TopicsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TopicsResponse(_message.Message):
    __slots__ = ("topics",)
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    topics: _containers.RepeatedCompositeFieldContainer[TopicStatus]
    def __init__(self, topics: _Optional[_Iterable[_Union[TopicStatus, _Mapping]]] = ...) -> None: ...

class TopicStatus(_message.Message):
    __slots__ = ("name", "topic_id", "next_offsets", "start_offsets")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOPIC_ID_FIELD_NUMBER: _ClassVar[int]
    NEXT_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    START_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    name: str
    topic_id: str
    next_offsets: _containers.RepeatedScalarFieldContainer[int]
    start_offsets: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., topic_id: _Optional[str] = ..., next_offsets: _Optional[_Iterable[int]] = ..., start_offsets: _Optional[_Iterable[int]] = ...) -> None: ...

class VerifyRequest(_message.Message):
    __slots__ = ("views", "keys", "seed")
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    views: _containers.RepeatedScalarFieldContainer[str]
    keys: int
    seed: int
    def __init__(self, views: _Optional[_Iterable[str]] = ..., keys: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class ViewAudit(_message.Message):
    __slots__ = ("view", "seed", "skipped", "at_us", "applied", "versions", "keys", "rows", "cells", "differing", "differences", "commit", "elapsed_us")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VIEW_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    DIFFERING_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_US_FIELD_NUMBER: _ClassVar[int]
    view: str
    seed: int
    skipped: str
    at_us: int
    applied: _containers.RepeatedCompositeFieldContainer[AuditedOffset]
    versions: _containers.ScalarMap[str, str]
    keys: int
    rows: int
    cells: int
    differing: int
    differences: _containers.RepeatedCompositeFieldContainer[CellDifference]
    commit: str
    elapsed_us: int
    def __init__(self, view: _Optional[str] = ..., seed: _Optional[int] = ..., skipped: _Optional[str] = ..., at_us: _Optional[int] = ..., applied: _Optional[_Iterable[_Union[AuditedOffset, _Mapping]]] = ..., versions: _Optional[_Mapping[str, str]] = ..., keys: _Optional[int] = ..., rows: _Optional[int] = ..., cells: _Optional[int] = ..., differing: _Optional[int] = ..., differences: _Optional[_Iterable[_Union[CellDifference, _Mapping]]] = ..., commit: _Optional[str] = ..., elapsed_us: _Optional[int] = ...) -> None: ...

class AuditedOffset(_message.Message):
    __slots__ = ("topic", "partition", "next_offset")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    NEXT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    next_offset: int
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ..., next_offset: _Optional[int] = ...) -> None: ...

class CellDifference(_message.Message):
    __slots__ = ("row", "at_us", "column", "online", "online_status", "replayed", "replayed_status")
    ROW_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    ONLINE_STATUS_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_STATUS_FIELD_NUMBER: _ClassVar[int]
    row: str
    at_us: int
    column: str
    online: str
    online_status: str
    replayed: str
    replayed_status: str
    def __init__(self, row: _Optional[str] = ..., at_us: _Optional[int] = ..., column: _Optional[str] = ..., online: _Optional[str] = ..., online_status: _Optional[str] = ..., replayed: _Optional[str] = ..., replayed_status: _Optional[str] = ...) -> None: ...
