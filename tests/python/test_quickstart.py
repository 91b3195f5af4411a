"""The quickstart does what it says, in no more lines than it promises."""

from __future__ import annotations

import os
import subprocess
import sys

from conftest import NYC13
from process import Server

QUICKSTART = NYC13 / "quickstart.py"


def test_the_quickstart_runs_against_a_server_with_the_flights(nyc13_server: Server) -> None:
    done = subprocess.run(
        [sys.executable, QUICKSTART],
        env={**os.environ, "THALWEG_SERVER": nyc13_server.address},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "327,339 rows, 59 columns, commit " in done.stdout
    assert "carrier_departures__departures_1h" in done.stdout


def test_the_quickstart_is_short() -> None:
    assert len(QUICKSTART.read_text().splitlines()) <= 30
