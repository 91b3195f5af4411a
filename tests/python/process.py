"""The real `thalweg` binary: one command at a time, or a server in the background."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Longest wait for a server to come up, to catch up, or to go.
PATIENCE_S = 120.0

_PAUSE_S = 0.05


def binary() -> Path:
    """The binary under test: THALWEG_BIN, else the debug build of cargo's target folder."""
    named = os.environ.get("THALWEG_BIN")
    target = os.environ.get("CARGO_TARGET_DIR") or Path.home() / ".cache" / "thalweg" / "target"
    path = Path(named) if named else Path(target) / "debug" / "thalweg"
    if not path.is_file():
        raise FileNotFoundError(f"there is no thalweg binary at {path}; build it with `make build`, or set THALWEG_BIN")
    return path


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Place:
    """A folder with settings of its own: a log, a state, two ports nobody else has."""

    folder: Path
    grpc: str
    http: str

    @classmethod
    def new(cls, folder: Path, *, clock: str = "wall", kafka: str | None = None) -> Place:
        """Settings in `folder`, which need not exist; `clock` says what now is where a lookup names no instant.

        Events live in a log of files there, or in the cluster at the address `kafka`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        grpc, http = (f"127.0.0.1:{port}" for port in free_ports(2))
        log = f"{{kafka: {{bootstrap.servers: '{kafka}'}}}}" if kafka else "{embedded: {dir: log}}"
        (folder / "thalweg.yaml").write_text(f"log: {log}\nstate: {{dir: state}}\nclock: {clock}\n")
        return cls(folder, grpc, http)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a process that works here; no settings of the caller's leak in."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("THALWEG_")}
        return own | {
            "THALWEG_CONFIG": str(self.folder / "thalweg.yaml"),
            "THALWEG_LISTEN_GRPC": self.grpc,
            "THALWEG_LISTEN_HTTP": self.http,
        }

    def run(self, *arguments: str | Path, stdin: bytes | None = None, timeout_s: float = PATIENCE_S) -> Outcome:
        """Runs `thalweg` with `arguments` to its end."""
        done = subprocess.run(
            [binary(), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env=self.environment,
            timeout=timeout_s,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def do(self, *arguments: str | Path, stdin: bytes | None = None, timeout_s: float = PATIENCE_S) -> str:
        """Runs `thalweg`, which must succeed, and gives what it printed."""
        outcome = self.run(*arguments, stdin=stdin, timeout_s=timeout_s)
        assert outcome.code == 0, f"thalweg {' '.join(map(str, arguments))}: {outcome}"
        return outcome.out

    @contextmanager
    def serving(self) -> Iterator[Server]:
        """A server over this place, ended by its process id whatever happens."""
        log = open(self.folder / "server.log", "ab")
        process = subprocess.Popen([binary(), "serve"], stdout=log, stderr=log, cwd=self.folder, env=self.environment)
        server = Server(self, process)
        try:
            server.wait_alive()
            yield server
        finally:
            server.stop()
            log.close()


@dataclass(frozen=True)
class Server:
    """A running `thalweg serve`."""

    place: Place
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """Where gRPC and Flight are."""
        return self.place.grpc

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an HTTP request."""
        try:
            with urllib.request.urlopen(f"http://{self.place.http}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_alive(self) -> None:
        """Waits until /healthz says yes."""
        self.wait_until(lambda: self.get("/healthz")[0] == 200, "come up")

    def wait_applied(self) -> None:
        """Waits until the online state has everything the log has, by the definitions applied last."""

        def caught_up() -> bool:
            status = json.loads(self.place.do("status", "--json"))
            behind = any(p["applied"] < p["next_offset"] for p in status["partitions"])
            building = any(view["building"] for view in status["views"])
            return bool(status["partitions"]) and not behind and not building and self.get("/readyz")[0] == 200

        self.wait_until(caught_up, "catch up")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends the process by its id and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(timeout=30)

    def wait_until(self, done: Callable[[], bool], what: str) -> None:
        """Waits until `done`, no longer than is bearable; `what` the server did not do is for the error."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}: {self.log()}")
            try:
                if done():
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(_PAUSE_S)
        raise TimeoutError(f"the server did not {what} within {PATIENCE_S} s: {self.log()}")

    def log(self) -> str:
        """The end of what the server wrote."""
        return (self.place.folder / "server.log").read_text()[-4000:]


def free_ports(count: int) -> Sequence[int]:
    """Ports nobody listens on now; held together so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
