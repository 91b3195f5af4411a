"""Spines that the server reads from object stores and web servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import thalweg
from conftest import SMALL
from object_store import s3, web
from process import Place, Server

ROWS = pa.table(
    {
        "carrier": ["UA", "AA"],
        "event_timestamp": pa.array([1357041600000000, 1357038000000000], pa.timestamp("us", "UTC")),
        "label": [1, 2],
    }
)


@contextmanager
def _served(folder: Path, urls: str, *, limit: int | None = None) -> Iterator[Server]:
    """A server with the small departures that may read what begins with `urls`."""
    place = Place.new(folder)
    settings = place.folder / "thalweg.yaml"
    limits = f"limits: {{spine_bytes: {limit}}}\n" if limit else ""
    settings.write_text(settings.read_text() + f"spines: {{urls: '{urls}'}}\n{limits}")
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    with place.serving() as server:
        yield server


def test_an_object_is_what_its_upload_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3(tmp_path / "s3") as bucket:
        for name, value in bucket.environment.items():
            monkeypatch.setenv(name, value)
        pq.write_table(ROWS, f"{bucket.name}/spines/rows.parquet", filesystem=bucket.files)
        with bucket.files.open_output_stream(f"{bucket.name}/spines/rows.feather") as sink:
            pyarrow.feather.write_feather(ROWS, sink)
        with bucket.files.open_output_stream(f"{bucket.name}/spines/rows.csv") as sink:
            texts = [["2013-01-01T12:00:00", "2013-01-01T11:00:00"]]
            pyarrow.csv.write_csv(ROWS.set_column(1, "event_timestamp", texts), sink)
        pq.write_table(ROWS, f"{bucket.name}/secrets/rows.parquet", filesystem=bucket.files)
        prefix = f"s3://{bucket.name}/spines"
        with _served(tmp_path / "place", prefix) as server, thalweg.Client(server.address, timeout=60) as client:
            uploaded = client.get_historical_features(ROWS, feature_service="delays")
            for name in ("rows.parquet", "rows.feather", "rows.csv"):
                spine = thalweg.FileSpine(f"{prefix}/{name}")
                job = client.get_historical_features(spine, feature_service="delays")
                assert job.to_arrow() == uploaded.to_arrow()
                assert name == "rows.csv" or job.commit == uploaded.commit
            # The hash of what it held is in the commit: once it holds something else, it is another training set.
            changing = thalweg.FileSpine(f"{prefix}/rows.parquet")
            kept = client.get_historical_features(changing, feature_service="delays")
            pq.write_table(ROWS.slice(1), f"{bucket.name}/spines/rows.parquet", filesystem=bucket.files)
            assert kept.to_arrow() == uploaded.to_arrow()
            again = client.get_historical_features(changing, feature_service="delays")
            assert again.commit != kept.commit and again.num_rows == 1

            out = tmp_path / "set.parquet"
            said = server.place.do("training-set", "delays", "--spine", f"{prefix}/rows.feather", "-o", out, "--json")
            assert json.loads(said)["commit"] == uploaded.commit
            assert pq.read_table(out).num_rows == 2

            outside = (thalweg.FailedPrecondition, "may not be read: it begins with none of s3://rows/spines")
            for path, (error, told) in {
                f"s3://{bucket.name}/secrets/rows.parquet": outside,
                f"s3://{bucket.name}/spines-2/rows.parquet": outside,
                f"{prefix}/../secrets/rows.parquet": (thalweg.InvalidArgument, "cannot be read"),
                f"{prefix}/nothing.parquet": (thalweg.NotFound, "nothing.parquet` is not there"),
            }.items():
                with pytest.raises(error, match=told):
                    client.get_historical_features(thalweg.FileSpine(path), feature_service="delays")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        with _served(tmp_path / "stranger", prefix) as server, thalweg.Client(server.address, timeout=60) as client:
            with pytest.raises(thalweg.FailedPrecondition, match="may not be read with the server's credentials"):
                client.get_historical_features(thalweg.FileSpine(f"{prefix}/rows.feather"), feature_service="delays")
        # Who works on the files of the log reads the object with credentials of their own.
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.environment["AWS_SECRET_ACCESS_KEY"])
        alone = Place(tmp_path / "place", server.place.grpc, server.place.http)
        said = alone.do("training-set", "delays", "--spine", f"{prefix}/rows.feather", "-o", out, "--json")
        assert json.loads(said)["commit"] == uploaded.commit


def test_web_servers_are_read_as_far_as_they_are_allowed(tmp_path: Path) -> None:
    files = tmp_path / "web"
    (files / "spines").mkdir(parents=True)
    (files / "elsewhere").mkdir()
    for folder in ("spines", "elsewhere"):
        pq.write_table(ROWS, files / folder / "rows.parquet")
    with web(files) as url:
        urls = f"{url}/spines {url}/moved"
        with _served(tmp_path / "place", urls) as server, thalweg.Client(server.address, timeout=60) as client:
            wanted = client.get_historical_features(ROWS, feature_service="delays")
            spine = thalweg.FileSpine(f"{url}/spines/rows.parquet")
            assert client.get_historical_features(spine, feature_service="delays").commit == wanted.commit
            with pytest.raises(thalweg.FailedPrecondition, match="may not be read"):
                spine = thalweg.FileSpine(f"{url}/elsewhere/rows.parquet")
                client.get_historical_features(spine, feature_service="delays")
            with pytest.raises(thalweg.ThalwegError, match="moved/rows.parquet` cannot be read"):
                spine = thalweg.FileSpine(f"{url}/moved/rows.parquet")
                client.get_historical_features(spine, feature_service="delays")


def test_a_spine_is_measured_before_it_is_read_and_once_it_is_unpacked(tmp_path: Path) -> None:
    files = tmp_path / "web"
    files.mkdir()
    (files / "long.csv").write_bytes(b"carrier,event_timestamp\n" + b"UA,2013-01-01T12:00:00\n" * 50_000)
    times = pa.array([1357041600000000] * 200_000, pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"carrier": ["UA"] * 200_000, "event_timestamp": times}), files / "packed.parquet")
    assert (files / "packed.parquet").stat().st_size < 100_000
    with web(files) as url:
        with _served(tmp_path / "place", url, limit=1_000_000) as server:
            with thalweg.Client(server.address, timeout=60) as client:
                for name, told in [("long.csv", "has 1150024 bytes"), ("packed.parquet", "bytes once read")]:
                    with pytest.raises(thalweg.ResourceExhausted, match=f"{told}.*`limits.spine_bytes` is 1000000"):
                        client.get_historical_features(thalweg.FileSpine(f"{url}/{name}"), feature_service="delays")


def test_a_server_that_allows_no_objects_reads_none(tmp_path: Path) -> None:
    with _served(tmp_path / "place", "") as server, thalweg.Client(server.address, timeout=60) as client:
        with pytest.raises(thalweg.FailedPrecondition, match="the setting allows none.*`spines.urls`"):
            client.get_historical_features(thalweg.FileSpine("s3://bucket/rows.parquet"), feature_service="delays")
        with pytest.raises(thalweg.InvalidArgument, match="objects are named by s3://, gs://, az://, https://"):
            client.get_historical_features(thalweg.FileSpine("ftp://host/rows.parquet"), feature_service="delays")
