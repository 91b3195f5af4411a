"""Instants as callers write them, and as the wire has them: microseconds since the epoch, UTC."""

from __future__ import annotations

import datetime as dt
from .errors import InvalidArgument

#: A `datetime` (pandas' `Timestamp` is one; without a zone it is UTC), a text such as
#: `2013-07-01T12:00:00Z`, or an integer of microseconds since the epoch.
Instant = dt.datetime | str | int

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_MICROSECOND = dt.timedelta(microseconds=1)


def to_micros(instant: Instant) -> int:
    """Microseconds since the epoch; finer instants are floored.

    >>> from thalweg.instants import to_micros
    >>> to_micros("2013-07-01T12:00:00Z") == to_micros(dt.datetime(2013, 7, 1, 12)) == 1_372_680_000_000_000
    True
    >>> to_micros("2013-07-01T08:00:00-04:00")
    1372680000000000
    """
    if isinstance(instant, bool):
        raise InvalidArgument(f"{instant!r} is no instant")
    if isinstance(instant, int):
        return instant
    if isinstance(instant, str):
        try:
            # Python 3.10 knows no Z.
            instant = dt.datetime.fromisoformat(instant.strip().replace("Z", "+00:00"))
        except ValueError:
            raise InvalidArgument(f"{instant!r} is no instant; write it as 2013-07-01T12:00:00Z") from None
    if not isinstance(instant, dt.datetime):
        raise InvalidArgument(f"{instant!r} is no instant: give a datetime, a text or microseconds")
    # A pandas Timestamp with nanoseconds would otherwise subtract into a pandas Timedelta.
    plain = dt.datetime.combine(instant.date(), instant.time(), instant.tzinfo or dt.timezone.utc)
    return (plain - _EPOCH) // _MICROSECOND


def of_micros(micros: int) -> dt.datetime:
    """The `datetime`, in UTC, of microseconds since the epoch.

    Raises `OverflowError` for years that `datetime` does not have.
    """
    return _EPOCH + dt.timedelta(microseconds=micros)
