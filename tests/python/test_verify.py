"""`thalweg verify`: that a sound state passes, that one that is no fold of its log does not, and the audit in the
background."""

from __future__ import annotations

import json
import re
import shutil
import threading
from pathlib import Path

from conftest import NYC13, NYC13_TOPICS, SMALL
from process import Place, Server

DEPARTURES = (SMALL / "departures.jsonl").read_text()


def test_the_command_says_what_it_compared(small_server: Server) -> None:
    place = small_server.place
    said = place.do("verify", "--keys", "7", "--seed", "42")
    assert re.search(r"^seed 42: [1-9][\d,]* values of \d+ keys compared with a replay of the log, 0 differ$", said, re.M)
    one, again = (json.loads(place.do("verify", "--keys", "7", "--seed", "42", "--json")) for _ in range(2))
    assert one["seed"] == 42 and one["differing"] == 0 and one["cells"] > 0
    for audit, same in zip(one["views"], again["views"], strict=True):
        assert audit["applied"] and audit["versions"] and audit["differences"] == []
        assert audit["rows"] == 4 * audit["keys"] <= 28
        assert audit.keys() == same.keys()
    view = one["views"][0]["view"]
    alone = json.loads(place.do("verify", view, "--json"))
    assert [audit["view"] for audit in alone["views"]] == [view] and alone["seed"] != 42
    unknown = place.run("verify", "unheard_of")
    assert unknown.code == 1 and "unheard_of" in unknown.err, unknown
    many = place.run("verify", "--keys", "1000000")
    assert many.code == 1 and "limits.lookup_rows" in many.err, many
    alone_here = Place.new(place.folder / "nobody").run("verify")
    assert alone_here.code == 1 and "no server answers" in alone_here.err, alone_here


def test_a_state_that_is_no_fold_of_its_log_is_told(tmp_path: Path) -> None:
    place = _with_other_log(tmp_path)
    with place.serving() as server:
        server.wait_applied()
        found = place.run("verify", "--seed", "5", "--json")
        assert found.code == 1 and found.err.startswith("INTERNAL: "), found
        assert "the online state is not the fold of the log" in found.err
        report = found.json
        differing = [audit for audit in report["views"] if audit["differing"]]
        assert report["differing"] == sum(audit["differing"] for audit in differing) > 0
        first = differing[0]["differences"][0]
        assert first["online"] != first["replayed"] and first["at"] and first["column"]
        # What it was compared with, once more, as a training set.
        (tmp_path / "row.csv").write_text(
            ",".join([*first["row"], "event_timestamp"]) + "\n" + ",".join([*first["row"].values(), first["at"]]) + "\n"
        )
        view, column = first["column"].split("__", 1)
        ask = ("training-set", f"{view}:{column}", "--spine", "row.csv", "-o", "row.parquet")
        place.do(*ask, "--pin", differing[0]["commit"])
        said = place.run("verify", "--seed", "5")
        assert said.code == 1 and "DIFFER" in said.out and first["column"] in said.out, said
        assert "A LOOKUP ANSWERS WHAT NO TRAINING SET HAS" in server.log()
        assert "--seed 5" in server.log() and first["column"] in server.log()
        assert _metric(server, "verified_differences") >= report["differing"]


def test_audits_in_the_background_are_counted(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    _add_settings(place, "verify: {interval: 100ms, keys: 3}\n")
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    with place.serving() as server:
        server.wait_applied()
        server.wait_until(lambda: _metric(server, "verified_cells") > 0, "audit itself")
        before = _metric(server, "verified_cells")
        server.wait_until(lambda: _metric(server, "verified_cells") > before, "audit itself again")
        assert _metric(server, "verified_differences") == 0 and _metric(server, "verify_failures") == 0
        assert _metric(server, "verify_last_us") > 1_700_000_000_000_000
        assert _metric(server, "verify_last_elapsed_us") > 0


def test_the_real_flights_pass_under_load(tmp_path: Path) -> None:
    place = Place.new(tmp_path, clock="stream")
    place.do("apply", "-f", NYC13 / "features")

    def produce() -> None:
        for topic, key, time in NYC13_TOPICS:
            file = NYC13 / "data" / f"{topic}.parquet"
            place.do("produce", topic, file, "--key", key, "--timestamp", time, "--partitions", "4")

    with place.serving() as server:
        writing = threading.Thread(target=produce)
        writing.start()
        audits, cells = 0, 0
        while writing.is_alive() or audits == 0:
            report = json.loads(place.do("verify", "--keys", "20", "--json"))
            assert report["differing"] == 0, report
            audits, cells = audits + 1, cells + report["cells"]
        writing.join()
        server.wait_applied()
        whole = json.loads(place.do("verify", "--keys", "50", "--json"))
        assert whole["differing"] == 0 and not any("skipped" in audit for audit in whole["views"]), whole
        assert cells > 0 and whole["cells"] > 1_000, (audits, cells, whole["cells"])


def _with_other_log(folder: Path) -> Place:
    """A place whose state was made of the small departures, and whose log says something else at the same offsets."""
    place = Place.new(folder)
    place.do("apply", "-f", SMALL / "features.yaml")
    place.do("produce", "departures", SMALL / "departures.jsonl")
    with place.serving() as server:
        server.wait_applied()
    other = Place.new(folder / "other")
    other.do("apply", "-f", SMALL / "features.yaml")
    changed = re.sub(r'("dep_delay": *)(-?\d+)', lambda found: found[1] + str(int(found[2]) + 1), DEPARTURES)
    assert changed != DEPARTURES
    other.do("produce", "departures", "-", "--format", "jsonl", stdin=changed.encode())
    # All of a partition but the id of its topic.
    for file in (other.folder / "log").glob("*/*"):
        if file.name != "partition.metadata":
            shutil.copy(file, folder / file.relative_to(other.folder))
    return place


def _add_settings(place: Place, more: str) -> None:
    settings = place.folder / "thalweg.yaml"
    settings.write_text(settings.read_text() + more)


def _metric(server: Server, name: str) -> float:
    """The sum of a figure over its labels; 0 where there is none yet."""
    _, text = server.get("/metrics")
    found = re.findall(rf"^thalweg_{name}(?:_total)?(?:\{{.*?\}})? (\S+)$", text, re.M)
    return sum(float(value) for value in found)
