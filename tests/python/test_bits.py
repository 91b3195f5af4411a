"""The comparison that judges the engine sees what it must see."""

from __future__ import annotations

import pyarrow as pa
import pytest
from bits import difference

NAN = float("nan")
DOUBLES = pa.array([1.0, None, NAN, 0.0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (pa.array([1.0, None, NAN, 0.0]), None),
        (pa.array([1.0, None, NAN, -0.0]), "row 3 is -0.0, wanted 0.0 (1 rows differ)"),
        (pa.array([1.0, 0.0, NAN, 0.0]), "row 1 is 0.0, wanted None"),
        (pa.array([1.0, None, None, 0.0]), "row 2 is None, wanted nan"),
        (pa.array([1.0]), "1 rows, wanted 4"),
        (pa.array([1, None, 2, 0]), "type int64, wanted double"),
    ],
)
def test_doubles(given: pa.Array, words: str | None) -> None:
    said = difference(given, DOUBLES)
    assert said is None if words is None else said is not None and words in said


def test_lists() -> None:
    wanted = pa.array([[1.0, 0.0], None, []])
    assert difference(wanted, pa.array([[1.0, 0.0], None, []])) is None
    assert difference(pa.array([[1.0, -0.0], None, []]), wanted) is not None
    assert difference(pa.array([[1.0, 0.0], [], []]), wanted) is not None
    only_null = pa.array([None], wanted.type)
    assert difference(only_null, only_null) is None
