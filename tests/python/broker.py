"""A real Kafka broker, in a process of its own."""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from process import PATIENCE_S, free_ports

_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kafka"
_PAUSE_S = 0.05
#: What prctl calls the signal that a process gets when the one that started it is gone.
_PR_SET_PDEATHSIG = 1


@dataclass
class Broker:
    """A broker with its folder and its ports, which it keeps when it is started again."""

    folder: Path
    port: int
    controller_port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Broker]:
        """A broker that runs, ended by its process id whatever happens."""
        broker = cls(folder, *free_ports(2))
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()

    @property
    def address(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts the process, on what is in the folder, and waits until it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        out = open(self.folder / "out", "ab")
        ports = ["--port", str(self.port), "--controller-port", str(self.controller_port)]
        self.process = subprocess.Popen(
            [_SCRIPT, "--dir", self.folder, *ports, "--log-level", "info"],
            stdout=out,
            stderr=out,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
        )
        out.close()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(_PAUSE_S)
        raise RuntimeError(f"the broker does not start: {self.log()}")

    def kill(self) -> None:
        """Ends the process at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=30)
            self.process = None

    def log(self) -> str:
        """The end of what the broker wrote."""
        return (self.folder / "out").read_text(errors="replace")[-4000:]
