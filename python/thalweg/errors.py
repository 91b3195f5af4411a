"""What can go wrong, by gRPC code, in the server's words.

>>> import thalweg
>>> try:
...     thalweg.Client().get_online_features(feature_service="dleays", entity_rows=[{"carrier": "UA"}])
... except thalweg.NotFound as error:
...     print(error.code)
NOT_FOUND
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pyarrow as pa
from pyarrow import flight


class ThalwegError(Exception):
    """A request that was not answered. `str()` gives the code, then the words of the server."""

    #: The gRPC code's name, such as `NOT_FOUND`.
    code: str = "UNKNOWN"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        #: What failed, on what, why, what to do.
        self.message = message
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class InvalidArgument(ThalwegError, ValueError):
    """The request is wrong; change it."""

    code = "INVALID_ARGUMENT"


class NotFound(ThalwegError, LookupError):
    """What was asked for is not defined or does not exist."""

    code = "NOT_FOUND"


class OutOfRange(ThalwegError):
    """The instant is older than the online state can answer exactly, or the offsets are gone."""

    code = "OUT_OF_RANGE"


class FailedPrecondition(ThalwegError):
    """Something else has to happen first, such as a view being built."""

    code = "FAILED_PRECONDITION"


class Unavailable(ThalwegError, ConnectionError):
    """No server answers; try again."""

    code = "UNAVAILABLE"


class ResourceExhausted(ThalwegError):
    """Over a limit that the message names."""

    code = "RESOURCE_EXHAUSTED"


class DeadlineExceeded(ThalwegError, TimeoutError):
    """The time allowed ran out."""

    code = "DEADLINE_EXCEEDED"


class InternalError(ThalwegError):
    """Something is broken; the message says what."""

    code = "INTERNAL"


_BY_CODE: dict[str, type[ThalwegError]] = {
    kind.code: kind
    for kind in (
        InvalidArgument,
        NotFound,
        OutOfRange,
        FailedPrecondition,
        Unavailable,
        ResourceExhausted,
        DeadlineExceeded,
        InternalError,
    )
}

# Arrow's Flight client tells a code only by the words it puts before the server's.
_FLIGHT_WORDS = re.compile(
    r"(?:Flight|gRPC) (?:returned )?"
    r"(?P<kind>invalid argument|not found|out-of-range|precondition failed|unavailable|resource exhausted|timeout"
    r"|internal|unimplemented|already exists|unauthenticated|unauthorized|aborted|data loss|cancelled|RPC failed)"
    r"(?: error| call)?, with message: (?P<words>.*?)"
    r"(?:\. (?:gRPC client debug context|Client context|Detail): .*)?$",
    re.DOTALL,
)
_FLIGHT_CODES = {
    "invalid argument": "INVALID_ARGUMENT",
    "not found": "NOT_FOUND",
    "out-of-range": "OUT_OF_RANGE",
    "precondition failed": "FAILED_PRECONDITION",
    "unavailable": "UNAVAILABLE",
    "resource exhausted": "RESOURCE_EXHAUSTED",
    "timeout": "DEADLINE_EXCEEDED",
    "internal": "INTERNAL",
    "unimplemented": "UNIMPLEMENTED",
    "already exists": "ALREADY_EXISTS",
    "unauthenticated": "UNAUTHENTICATED",
    "unauthorized": "PERMISSION_DENIED",
    "aborted": "ABORTED",
    "data loss": "DATA_LOSS",
    "cancelled": "CANCELLED",
    "RPC failed": "UNKNOWN",
}


def of_code(code: str, message: str) -> ThalwegError:
    """The error for a gRPC code by its name."""
    return _BY_CODE.get(code, ThalwegError)(message, code)


def of_grpc(error: grpc.RpcError) -> ThalwegError:
    """A failed gRPC call as an error of this package."""
    status = error.code() if isinstance(error, grpc.Call) else None
    details = error.details() if isinstance(error, grpc.Call) else None
    return of_code(status.name if status else "UNKNOWN", details or str(error))


def of_flight(error: Exception) -> ThalwegError:
    """A failed Flight call as an error of this package."""
    text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    found = _FLIGHT_WORDS.search(text)
    if found:
        return of_code(_FLIGHT_CODES[found["kind"]], found["words"].removesuffix(". "))
    if isinstance(error, flight.FlightUnavailableError):
        return Unavailable(text)
    if isinstance(error, flight.FlightTimedOutError):
        return DeadlineExceeded(text)
    return ThalwegError(text)


@contextmanager
def in_our_words(target: str) -> Iterator[None]:
    """Turns what gRPC and Flight raise within into errors of this package; `target` is whom was asked."""
    try:
        yield
    except ThalwegError:
        raise
    except grpc.RpcError as error:
        raise _named(of_grpc(error), target) from error
    except (flight.FlightError, pa.ArrowException, OSError) as error:
        raise _named(of_flight(error), target) from error


def _named(error: ThalwegError, target: str) -> ThalwegError:
    """Where no server answers, the words are the network's: say what to do."""
    if isinstance(error, Unavailable) and ("connect" in error.message or "resolution" in error.message):
        return Unavailable(f"no server answers at {target}: {error.message}. Start one with `thalweg serve`")
    return error
