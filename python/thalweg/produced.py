"""What appending rows came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Union

from ._wire import online_pb2 as wire
from .errors import InvalidArgument


@dataclass(frozen=True)
class Produced:
    """Records that are durable in the log. Give it to a lookup as `min_offsets` to read your writes."""

    #: The topic.
    topic: str
    #: How many records were written.
    records: int
    #: For each partition written to the offset after the last of these records.
    next_offsets: dict[int, int]


#: What a lookup can wait for: what `Client.produce` gave, what another lookup rested on
#: (`OnlineResponse.applied`), or topic → partition → next offset.
MinOffsets = Union[Produced, Iterable[Produced], Mapping[str, Mapping[int, int]]]


def to_wire(min_offsets: MinOffsets | None) -> list[wire.PartitionOffset]:
    """The offsets a lookup waits for."""
    if min_offsets is None:
        return []
    topics: list[tuple[str, Mapping[int, int]]]
    if isinstance(min_offsets, Produced):
        topics = [(min_offsets.topic, min_offsets.next_offsets)]
    elif isinstance(min_offsets, Mapping):
        topics = list(min_offsets.items())
    else:
        topics = [_of_produced(one) for one in min_offsets]
    return [
        wire.PartitionOffset(topic=topic, partition=int(partition), next_offset=next_offset)
        for topic, partitions in topics
        for partition, next_offset in partitions.items()
    ]


def _of_produced(one: Any) -> tuple[str, Mapping[int, int]]:
    if not isinstance(one, Produced):
        raise InvalidArgument(f"min_offsets takes what `produce` gave, or topic → partition → next offset; not {one!r}")
    return one.topic, one.next_offsets
