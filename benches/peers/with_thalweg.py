"""The training set by Thalweg: a log once filled, then one command a round."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from windows import TOPICS

SERVICE = "delay_model"
PARTITIONS = 4


def environment(folder: Path) -> dict[str, str]:
    """Settings of a place that no server listens for, so that the command does the work itself."""
    return {
        "THALWEG_LOG_EMBEDDED_DIR": str(folder / "log"),
        "THALWEG_STATE_DIR": str(folder / "state"),
        "THALWEG_LISTEN_GRPC": "127.0.0.1:1",
    }


def fill(binary: Path, example: Path, folder: Path) -> None:
    """Registers the definitions and produces all events; not part of what is measured."""

    def run(*arguments: str | Path) -> None:
        command = [str(binary), *map(str, arguments)]
        subprocess.run(command, env={**os.environ, **environment(folder)}, check=True, stdout=subprocess.DEVNULL)

    run("apply", "-f", example / "features")
    for topic, key, time in TOPICS:
        file = example / "data" / f"{topic}.parquet"
        run("produce", topic, file, "--key", key, "--timestamp", time, "--partitions", str(PARTITIONS))


def command(binary: Path, spine: Path, out: Path) -> list[str | Path]:
    """Replays the log, computes all features of every row, writes Parquet."""
    return [binary, "training-set", SERVICE, "--spine", spine, "-o", out]
