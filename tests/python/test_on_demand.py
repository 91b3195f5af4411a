"""On-demand features on every surface: lookups, training sets, exchanges, commands, listings."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import thalweg
from bits import difference
from process import Place, Server

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.timezone.utc)

DEFINITIONS = """
sources:
  - name: calls
    topic: calls
    format: json
    fields: {line: string, seconds: int64, at: timestamp}
    event_time: at
entities:
  - {name: line, join_keys: {line: string}}
feature_views:
  - name: usage
    entity: line
    source: calls
    lookback: unbounded
    features:
      calls: {aggregate: count, windows: [1h, 1d]}
      recent: {aggregate: last_n, n: 2, of: seconds}
on_demand_feature_views:
  - name: plan
    inputs:
      features: ["usage:*"]
      request: {free: int64, price: float64, note: string}
    features:
      left: "free - calls_1d"
      bill: "(calls_1d - free) * price"
      per_free: "calls_1h / free"
      longer: "recent[1] - recent[2]"
      note: "coalesce(note, 'none')"
  - {name: lengths, inputs: {features: ["usage:recent"]}, features: {last: "recent[1]"}}
feature_services:
  - {name: billing, features: ["usage:calls_1h", "plan:*"]}
"""

#: Line, minutes before noon, seconds.
CALLS = [("a", 200, 30), ("a", 50, 90), ("a", 10, 60), ("b", 30, 5)]

ROWS: dict[str, list[Any]] = {
    "line": ["a", "b", "a", "nobody"],
    "free": [1, 0, None, 2],
    "price": [0.5, 2.0, 1.0, float("nan")],
    "note": ["x", None, "y", None],
}

WANTED = {
    "usage__calls_1h": [2, 1, 2, 0],
    "plan__left": [-2, -1, None, 2],
    "plan__bill": [1.0, 2.0, None, float("nan")],
    "plan__per_free": [2, None, None, 0],
    "plan__longer": [-30, None, -30, None],
    "plan__note": ["x", "none", "y", "none"],
}

STATUSES = {
    f"{name}__status": [
        "NOT_FOUND" if name == "usage__calls_1h" and line == "nobody" else "PRESENT" if value is not None else "NULL_VALUE"
        for line, value in zip(ROWS["line"], values)
    ]
    for name, values in WANTED.items()
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a few calls."""
    place = Place.new(tmp_path_factory.mktemp("on_demand"))
    features = place.folder / "features.yaml"
    features.write_text(DEFINITIONS)
    with place.serving() as server:
        place.do("apply", "-f", features)
        rows = [
            {"line": line, "seconds": seconds, "at": (NOON - dt.timedelta(minutes=minutes)).isoformat()}
            for line, minutes, seconds in CALLS
        ]
        lines = "\n".join(json.dumps(row) for row in rows)
        place.do("produce", "calls", "-", "--format", "jsonl", "--key", "line", stdin=lines.encode())
        server.wait_applied()
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[thalweg.Client]:
    """A client of it."""
    with thalweg.Client(server.address, timeout=60) as client:
        yield client


def _same(found: pa.Table, wanted: dict[str, list[Any]]) -> None:
    for name, values in wanted.items():
        column = found[name].combine_chunks()
        assert not difference(column, pa.array(values, column.type)), name


def _spine() -> pa.Table:
    return pa.table(ROWS).append_column("event_timestamp", pa.array([NOON] * 4, pa.timestamp("us", "UTC")))


def test_lookups_training_sets_and_exchanges_compute_the_same(client: thalweg.Client) -> None:
    online = client.get_online_features(feature_service="billing", entity_rows=ROWS, at=NOON)
    assert online.feature_names == list(WANTED)
    _same(online.to_arrow(include_statuses=True), WANTED | STATUSES)
    assert set(online.versions) == {"usage", "plan"}
    newest = {"a": NOON - dt.timedelta(minutes=10), "b": NOON - dt.timedelta(minutes=30), "nobody": None}
    assert online.event_times["plan__left"] == [newest[line] for line in ROWS["line"]]
    job = client.get_historical_features(_spine(), feature_service="billing", statuses=True)
    offline = job.to_arrow()
    assert offline.column_names == [*_spine().column_names, *WANTED, *STATUSES]
    _same(offline, _spine().to_pydict() | WANTED | STATUSES)
    versions = {feature["name"]: feature["version"] for feature in job.manifest["features"]}
    assert versions["plan__left"] == online.versions["plan"] != versions["usage__calls_1h"]
    batches = client.stream_historical_features(_spine().to_reader(1), feature_service="billing", statuses=True)
    _same(batches.read_all(), WANTED | STATUSES)


def test_rows_may_come_as_dicts_and_frames(client: thalweg.Client) -> None:
    row = {"line": "a", "free": 1, "price": 1, "note": None}
    answer = client.get_online_features(["plan:bill", "plan:note"], [row], at=NOON, full_feature_names=False)
    assert answer.to_dict() == {**{name: [value] for name, value in row.items()}, "bill": [2.0]} | {"note": ["none"]}
    frame = pd.DataFrame({"line": ["b"], "free": np.array([3], np.int16), "price": np.array([0.5], np.float32)})
    frame["note"] = "z"
    frame["event_timestamp"] = NOON
    found = client.get_historical_features(frame, ["plan:left", "plan:bill"]).to_df()
    assert (found["plan__left"][0], found["plan__bill"][0]) == (2, -1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"free": None}, ["lacks `free` (int64)", "`plan`"], id="missing"),
        pytest.param({"free": ["1"]}, ["`free`", "Utf8", "the request input is int64"], id="text"),
        pytest.param({"free": [1.0]}, ["`free`", "Float64", "the request input is int64"], id="float"),
        pytest.param({"note": [1]}, ["`note`", "the request input is string"], id="number"),
        pytest.param({"price": [2**53 + 1]}, ["`price`", "row 0", "does not fit float64"], id="inexact"),
        pytest.param({"hour": [7]}, ["`hour` is no join key"], id="unknown"),
        pytest.param({"line": [None]}, ["join key `line` is null in row 0"], id="null key"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_name(
    client: thalweg.Client, change: dict[str, list[Any] | None], words: list[str]
) -> None:
    rows = {"line": ["a"], "free": [1], "price": [1.0], "note": ["x"]} | change
    given = {name: values for name, values in rows.items() if values is not None}
    with pytest.raises(thalweg.InvalidArgument) as refused:
        client.get_online_features(["plan:left"], given, at=NOON)
    assert all(word in str(refused.value) for word in words), refused.value


def test_a_spine_without_its_inputs_is_refused_by_name(client: thalweg.Client) -> None:
    with pytest.raises(thalweg.InvalidArgument, match="no column `price` \\(the request input of type float64\\)"):
        client.get_historical_features(_spine().drop_columns(["price"]), feature_service="billing")
    texts = _spine().set_column(1, "free", pa.array(["1"] * 4))
    with pytest.raises(thalweg.InvalidArgument, match="`free` cannot be the request input: it is Utf8"):
        client.get_historical_features(texts, feature_service="billing")
    with pytest.raises(thalweg.InvalidArgument, match="two columns named `note`"):
        client.get_historical_features(_spine(), feature_service="billing", full_feature_names=False)


def test_listings_say_what_a_request_must_have(client: thalweg.Client) -> None:
    (service,) = client.list_feature_services()
    assert service.join_keys == pa.schema([pa.field("line", pa.string(), nullable=False)])
    assert service.request_inputs == pa.schema({"free": pa.int64(), "price": pa.float64(), "note": pa.string()})
    assert service.features.names == list(WANTED)
    views = {view.name: view for view in client.list_feature_views()}
    assert set(views) == {"usage", "plan", "lengths"}
    assert views["plan"].features.field("plan__longer").type == pa.int64()
    assert len(views["usage"].request_inputs) == 0


def test_snapshots_have_what_nobody_has_to_say(client: thalweg.Client) -> None:
    with pytest.raises(thalweg.InvalidArgument, match="take the request input `free`"):
        client.get_snapshot(["plan:left"], at=NOON)
    snapshot = client.get_snapshot(["lengths:*"], at=NOON).to_arrow()
    assert snapshot["line"].to_pylist() == ["a", "b"]
    assert snapshot["lengths__last"].to_pylist() == [60, 5]


def test_commands_take_request_inputs(server: Server) -> None:
    at = ("--at", "2024-05-01T12:00:00Z")
    answer = json.loads(server.place.do("get", "billing", "line=a", "free=1", "price=0.5", "note=x", *at, "--json"))
    (row,) = answer["rows"]
    assert row["plan__bill"] == {"value": 1.0, "status": "PRESENT"}
    refused = server.place.run("get", "billing", "line=a", "free=one", "price=0.5", "note=x", *at)
    assert refused.code == 2 and "request input free: `one` is no Int64" in refused.err
    missing = server.place.run("get", "plan:left", "line=a", "price=0.5", "note=x", *at)
    assert missing.code == 2 and "INVALID_ARGUMENT" in missing.err and "`free`" in missing.err


def test_failures_are_counted(client: thalweg.Client, server: Server) -> None:
    def counted() -> int:
        name = 'thalweg_on_demand_failed_expressions_total{view="plan"}'
        found = [line.split()[-1] for line in server.get("/metrics")[1].splitlines() if line.startswith(name)]
        return int(found[0]) if found else 0

    before = counted()
    client.get_online_features(["plan:per_free"], {**ROWS, "free": [0, 0, 1, 1]}, at=NOON)
    assert counted() == before + 2
    spine = _spine().set_column(1, "free", pa.array([0, 1, 1, 1]))
    client.get_historical_features(spine, ["plan:per_free"]).to_arrow()
    assert counted() == before + 3


def test_a_plan_says_what_a_changed_expression_breaks(server: Server) -> None:
    changed = server.place.folder / "changed.yaml"
    changed.write_text(DEFINITIONS.replace('"free - calls_1d"', '"free > calls_1d"'))
    planned = json.loads(server.place.do("plan", "-f", changed, "--json"))
    changes = {view["name"]: (view["change"], view["rebuild"]) for view in planned["on_demand_views"]}
    assert changes == {"lengths": ("unchanged", False), "plan": ("changed", False)}
    assert planned["broken"] == [{"service": "billing", "reasons": ["column plan__left becomes bool; it is int64"]}]
    assert [view["change"] for view in planned["views"]] == ["unchanged"]


def test_changed_expressions_serve_at_once_under_another_commit(tmp_path: Any) -> None:
    place = Place.new(tmp_path)
    features = tmp_path / "features.yaml"
    spine = _spine().slice(0, 1)
    row = {name: values[:1] for name, values in ROWS.items()}
    with place.serving() as server, thalweg.Client(server.address, timeout=60) as client:
        commits, answers = [], []
        for expression in ["free - calls_1d", "calls_1d - free", "calls_1d  -  free"]:
            features.write_text(DEFINITIONS.replace("free - calls_1d", expression, 1))
            place.do("apply", "-f", features)
            commits.append(client.get_historical_features(spine, ["plan:left", "usage:calls_1d"]).commit)
            answers.append(client.get_online_features(["plan:left"], row, at=NOON).to_dict()["plan__left"])
        assert answers == [[1], [-1], [-1]]
        assert commits[0] != commits[1] == commits[2]
