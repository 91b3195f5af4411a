"""Kinds of features: what to measure within a span, and how to finish it exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from exact import ratios, roots, sample_variance
from timeline import Measure, Span


@dataclass(frozen=True)
class Feature:
    """What to measure for a column, and how to finish it."""

    measures: Sequence[Measure]
    finish: Callable[[list[pa.Array], pa.Table], pa.Array]


def count(span: Span, of: str = "position") -> Feature:
    """How many."""
    return Feature((Measure(f"count({of})", span),), lambda measured, _: measured[0])


def extreme(function: str, of: str, span: Span) -> Feature:
    """The least or the greatest."""
    return Feature((Measure(f"{function}({of})", span),), lambda measured, _: measured[0])


def total(of: str, span: Span) -> Feature:
    """A sum of whole numbers."""
    return Feature((_sum(of, span),), lambda measured, _: measured[0].cast(pa.int64()))


def average(of: str, span: Span) -> Feature:
    """An average of whole numbers."""

    def finish(measured: list[pa.Array], _: pa.Table) -> pa.Array:
        counts, sums = map(_integers, measured)
        return pa.array(ratios(sums, counts), mask=counts == 0)

    return Feature((Measure(f"count({of})", span), _sum(of, span)), finish)


def variance(of: str, span: Span) -> Feature:
    """The sample variance of whole numbers."""
    return _deviation(of, span, ratios)


def stddev(of: str, span: Span) -> Feature:
    """The sample deviation of whole numbers."""
    return _deviation(of, span, roots)


def last(of: str, span: Span) -> Feature:
    """The latest value that is not null."""
    latest = Measure(f"max(CASE WHEN {of} IS NOT NULL THEN position END)", span)
    return Feature((latest,), lambda measured, events: events[of].combine_chunks().take(measured[0]))


def last_n(n: int, of: str, span: Span) -> Feature:
    """The latest values, newest first, of a column without nulls."""

    def finish(measured: list[pa.Array], events: pa.Table) -> pa.Array:
        counts, latest = map(_integers, measured)
        lengths = np.minimum(counts, n)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        # Row i takes positions latest, latest − 1, …: those of one key stand side by side.
        steps = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        items = events[of].combine_chunks().take(pa.array(np.repeat(latest, lengths) - steps))
        return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), items, mask=pa.array(counts == 0))

    measures = (Measure("count(position)", span), Measure("max(position)", span))
    return Feature(measures, finish)


def fraction_total(of: str, span: Span) -> Feature:
    """A sum of doubles, rounded once: over the events from the first to the last in the span."""

    def finish(measured: list[pa.Array], events: pa.Table) -> pa.Array:
        values = events[of].to_numpy()
        known: dict[tuple[int, int], float] = {}

        def of_range(first: int, last: int) -> float:
            if (first, last) not in known:
                known[first, last] = math.fsum(values[first : last + 1])
            return known[first, last]

        ranges = zip(measured[0].to_pylist(), measured[1].to_pylist())
        return pa.array([None if first is None else of_range(first, last) for first, last in ranges], pa.float64())

    measures = (Measure("min(position)", span), Measure("max(position)", span))
    return Feature(measures, finish)


def _deviation(of: str, span: Span, finish_exactly: Callable[..., np.ndarray]) -> Feature:
    def finish(measured: list[pa.Array], _: pa.Table) -> pa.Array:
        numerators, denominators = sample_variance(*map(_integers, measured))
        return pa.array(finish_exactly(numerators, denominators), mask=denominators == 0)

    squares = Measure(f"sum({of} * {of})", span)
    return Feature((Measure(f"count({of})", span), _sum(of, span), squares), finish)


def _sum(of: str, span: Span) -> Measure:
    return Measure(f"sum({of})", span)


def _integers(column: pa.Array) -> np.ndarray:
    """64-bit integers, a null as 0. DuckDB's sums are 128 bits wide; the cast refuses what does not fit."""
    return column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
