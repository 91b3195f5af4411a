"""The leakage report: what a training set tells that nobody could have known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class LeakingRow:
    """A row whose value as of event time is another than as of what was known."""

    #: Which row of the spine, from 0.
    row: int
    #: Its entity key, by the spine's columns.
    keys: dict[str, Any]
    #: Its instant, RFC 3339.
    at: str
    #: The value as of event time, as JSON spells it (instants as texts, bytes in base64).
    event_time: Any
    #: The value as of what was known, likewise.
    known: Any


@dataclass(frozen=True)
class FeatureLeakage:
    """In how many rows one feature leaks."""

    #: Name of the column.
    name: str
    #: `view:column`.
    feature: str
    #: How many rows leak.
    rows: int
    #: The first few of them.
    examples: list[LeakingRow]


@dataclass(frozen=True)
class Leakage:
    """For each feature of a training set how many rows leak: their values were not known at their instants."""

    #: Rows of the training set.
    rows: int
    #: All features, those that do not leak too.
    features: list[FeatureLeakage]

    def __getitem__(self, name: str) -> FeatureLeakage:
        """The feature whose column is called `name`."""
        return next(feature for feature in self.features if feature.name == name)

    @property
    def leaking(self) -> list[FeatureLeakage]:
        """The features that leak in some row."""
        return [feature for feature in self.features if feature.rows > 0]

    def to_df(self) -> pandas.DataFrame:
        """A row for each feature: its name, how many rows leak, and what share of all rows that is."""
        import pandas

        rows = [(feature.name, feature.rows, feature.rows / max(self.rows, 1)) for feature in self.features]
        return pandas.DataFrame(rows, columns=["feature", "rows", "share"])


def of_report(report: dict[str, Any]) -> Leakage:
    """The report as the server tells it."""

    def feature(told: dict[str, Any]) -> FeatureLeakage:
        examples = [LeakingRow(**example) for example in told["examples"]]
        return FeatureLeakage(told["name"], told["feature"], told["rows"], examples)

    return Leakage(report["rows"], [feature(told) for told in report["features"]])
