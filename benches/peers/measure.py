"""One program in a process of its own: its time, its processor time, its memory.

Linux counts what a parent holds at the moment of starting a child as the child's memory, so the child is started
by this very file in a process that holds next to nothing: python measure.py PROGRAM ARGUMENT…
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    #: From start to end; of what the program itself timed, where it did.
    wall_s: float
    #: User and system time of all threads of the whole process.
    cpu_s: float
    #: Largest resident set.
    memory_bytes: int


def measure(command: Sequence[str | Path], environment: Mapping[str, str]) -> Cost:
    """Runs `command` to its end, which must be a good one.

    A program that prints `{"seconds": …}` as its last line has timed its own work.
    """
    launcher = [sys.executable, "-I", __file__, *map(str, command)]
    done = subprocess.run(launcher, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}")
    return Cost(**json.loads(done.stdout))


def _run(command: Sequence[str]) -> int:
    """Runs `command`, prints what it cost, and gives its exit code."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None, "a pipe was asked for"
    printed = process.stdout.read().decode().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - started
    last = printed[-1] if printed else ""
    own = json.loads(last)["seconds"] if last.startswith("{") else None
    # Linux gives kilobytes.
    cost = Cost(own or wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
    print(json.dumps(asdict(cost)))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))
