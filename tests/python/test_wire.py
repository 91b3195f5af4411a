"""The checked-in messages are those of the protocol files."""

from __future__ import annotations

import importlib.util

from conftest import ROOT


def test_the_stubs_match_the_protocol() -> None:
    path = ROOT / "python" / "generate_wire.py"
    spec = importlib.util.spec_from_file_location("generate_wire", path)
    assert spec is not None and spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    wanted = generator.generate()
    assert len(wanted) == 4
    given = {name: (generator.WIRE / name).read_text() for name in wanted}
    assert given == wanted, "run `python python/generate_wire.py`"
