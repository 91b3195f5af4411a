"""Every example in the package's documentation runs and gives what it shows."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
import thalweg
from process import Server

MODULES = ["thalweg"] + [f"thalweg.{module.name}" for module in pkgutil.iter_modules(thalweg.__path__)]
EXAMPLES = [
    pytest.param(example, id=example.name)
    for name in MODULES
    for example in doctest.DocTestFinder().find(importlib.import_module(name))
    if example.examples
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(example: doctest.DocTest, small_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THALWEG_SERVER", small_server.address)
    said: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert results.attempted > 0
    assert results.failed == 0, "".join(said)
