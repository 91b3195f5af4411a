"""Builds nyc13's training set with Thalweg, DuckDB and polars in turns: python benches/peers --help"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet as pq

import agreement
import with_thalweg
from measure import Cost, measure

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "examples" / "nyc13"


def main() -> int:
    """Runs the comparison; 1 where Thalweg is slower than the faster peer."""
    options = _options()
    binary = Path(options.binary).resolve()
    if not binary.is_file():
        print(f"there is no binary at {binary}; build it with `cargo build --release`", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="thalweg-peers-") as name:
        folder = Path(name)
        spine = _write_spine(folder)
        with_thalweg.fill(binary, EXAMPLE, folder)
        outputs = {engine: folder / f"{engine}.parquet" for engine in ("Thalweg", "DuckDB", "polars")}
        python = [sys.executable, "-W", "ignore"]
        commands: dict[str, list[str | Path]] = {
            "Thalweg": with_thalweg.command(binary, spine, outputs["Thalweg"]),
            "DuckDB": [*python, HERE / "with_duckdb.py", EXAMPLE / "data", spine, outputs["DuckDB"]],
            "polars": [*python, HERE / "with_polars.py", EXAMPLE / "data", spine, outputs["polars"]],
        }
        environment = with_thalweg.environment(folder)
        _say_what_runs(spine)
        # A round that is not counted warms the caches and gives the answers to compare.
        for command in commands.values():
            measure(command, environment)
        for peer in ("DuckDB", "polars"):
            print(f"{peer}: {agreement.check(outputs['Thalweg'], outputs[peer], peer)}")
        costs: dict[str, list[Cost]] = {engine: [] for engine in commands}
        for _ in range(options.rounds):
            for engine, command in commands.items():
                costs[engine].append(measure(command, environment))
    return _report(costs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds that are counted (default 5)")
    parser.add_argument("--binary", required=True, help="a release build of thalweg")
    return parser.parse_args()


def _write_spine(folder: Path) -> Path:
    """A row for every departure: its entities and its instant."""
    columns = ["flight_id", "carrier", "origin", "dest", "tailnum", "dep_at"]
    rows = pq.read_table(EXAMPLE / "data" / "departures.parquet", columns=columns)
    path = folder / "spine.parquet"
    pq.write_table(rows.rename_columns([*columns[:-1], "event_timestamp"]), path)
    return path


def _say_what_runs(spine: Path) -> None:
    print(
        f"nyc13, all 52 features of service {with_thalweg.SERVICE} for {pq.read_metadata(spine).num_rows:,} rows, "
        f"{os.cpu_count()} cores each.\nThalweg replays its log ({with_thalweg.PARTITIONS} partitions, Avro, zstd) and is timed as a whole "
        f"process; DuckDB {duckdb.__version__} and polars {polars.__version__} read Parquet and are timed\nwithout their imports. "
        "All write Parquet with zstd."
    )


def _report(costs: dict[str, list[Cost]]) -> int:
    print(f"\n{'':10}{'median':>9}{'quickest':>10}{'slowest':>9}{'CPU':>9}{'peak memory':>14}")
    medians = {}
    for engine, runs in costs.items():
        walls = [run.wall_s for run in runs]
        medians[engine] = statistics.median(walls)
        cpu = statistics.median(run.cpu_s for run in runs)
        memory = max(run.memory_bytes for run in runs) / 2**20
        print(f"{engine:10}{medians[engine]:8.2f}s{min(walls):9.2f}s{max(walls):8.2f}s{cpu:8.2f}s{memory:10,.0f} MiB")
    fastest = min(("DuckDB", "polars"), key=lambda peer: medians[peer])
    ratio = medians["Thalweg"] / medians[fastest]
    met = ratio <= 1
    print(f"\nlimit {'met' if met else 'MISSED'}: training set, time beside {fastest}: {ratio:.2f}, at most 1.00")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
