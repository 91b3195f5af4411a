"""A sum that does not fit is null, and counted."""

from __future__ import annotations

import json
from pathlib import Path

from process import Place, Server

FEATURES = """
sources:
  - {name: paid, topic: paid, format: json, fields: {shop: string, cents: int64, at: timestamp}, event_time: at}
entities:
  - {name: shop, join_keys: {shop: string}}
feature_views:
  - name: takings
    entity: shop
    source: paid
    lookback: unbounded
    features: {cents: {aggregate: sum, of: cents}}
"""


def test_sums_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    (tmp_path / "features.yaml").write_text(FEATURES)
    place.do("apply", "-f", "features.yaml")
    paid = [("a", 2**63 - 1), ("a", 1), ("b", 5)]
    lines = [json.dumps({"shop": shop, "cents": cents, "at": 1}) for shop, cents in paid]
    place.do("produce", "paid", "-", "--format", "jsonl", stdin="\n".join(lines).encode())
    with place.serving() as server:
        server.wait_applied()
        assert _overflows(server) == 0
        sums = []
        for shop in ("a", "b"):
            (row,) = json.loads(place.do("get", "takings:*", f"shop={shop}", "--json"))["rows"]
            sums.append(row["takings__cents"]["value"])
        assert sums == [None, 5]
        assert _overflows(server) == 1


def _overflows(server: Server) -> int:
    name = "thalweg_lookup_overflows_total"
    (line,) = [line for line in server.get("/metrics")[1].splitlines() if line.startswith(name)]
    return int(line.split()[-1])
