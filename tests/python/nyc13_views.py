"""The feature views of nyc13's service `delay_model`, written down a second time.

They restate `examples/nyc13/features` on purpose: a check that read the definitions would share their
mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from features import Feature, average, count, extreme, fraction_total, last, last_n, stddev, total, variance
from timeline import DAY_US, HOUR_US, Span


@dataclass(frozen=True)
class View:
    """One feature view: its timeline, and how its columns come from what was measured."""

    name: str
    source: str
    key: str
    #: Within which an event counts at all; none: always.
    ttl: Span | None
    features: Mapping[str, Feature]


_LIFETIME = Span(None)
_QUARTER = Span(HOUR_US // 4)
_HOUR = Span(HOUR_US)
_DAY = Span(DAY_US)
_WEEK = Span(7 * DAY_US)
_MONTH = Span(30 * DAY_US)
_DELAY_COLUMNS = {"1h": _HOUR, "1d": _DAY, "7d": _WEEK}
_WEEK_AGO = Span(DAY_US, offset_us=7 * DAY_US)
_LEGS_TTL = Span(90 * DAY_US)
_SKY_TTL = Span(6 * HOUR_US)

VIEWS = [
    View(
        "carrier_departures",
        "departures",
        "carrier",
        None,
        {
            **{f"departures_{w}": count(span) for w, span in _DELAY_COLUMNS.items()},
            **{f"dep_delay_avg_{w}": average("delay", span) for w, span in _DELAY_COLUMNS.items()},
            **{f"dep_delay_max_{w}": extreme("max", "dep_delay", span) for w, span in _DELAY_COLUMNS.items()},
            **{f"dep_delay_stddev_{w}": stddev("delay", span) for w, span in _DELAY_COLUMNS.items()},
            "late_share_1d": average("late", _DAY),
            "late_share_30d": average("late", _MONTH),
        },
    ),
    View(
        "origin_departures",
        "departures",
        "origin",
        None,
        {
            "departures_15m": count(_QUARTER),
            "departures_1h": count(_HOUR),
            "departures_1d": count(_DAY),
            **{
                f"dep_delay_{name}_{w}": feature(span)
                for name, feature in {
                    "avg": lambda span: average("delay", span),
                    "min": lambda span: extreme("min", "dep_delay", span),
                    "max": lambda span: extreme("max", "dep_delay", span),
                    "stddev": lambda span: stddev("delay", span),
                }.items()
                for w, span in {"1h": _HOUR, "1d": _DAY}.items()
            },
            "late_1h": count(_HOUR, "nullif(late, 0)"),
            "last_dest": last("dest", _LIFETIME),
            "miles_1d": total("distance", _DAY),
        },
    ),
    View(
        "aircraft_legs",
        "arrivals",
        "tailnum",
        _LEGS_TTL,
        {
            "legs_1d": count(_DAY),
            "legs_7d": count(_WEEK),
            "arr_delay_avg_7d": average("delay", _WEEK),
            "arr_delay_max_7d": extreme("max", "arr_delay", _WEEK),
            "last_arr_delay": last("arr_delay", _LEGS_TTL),
            "last_arr_delays": last_n(3, "arr_delay", _LEGS_TTL),
            "last_dest": last("dest", _LEGS_TTL),
        },
    ),
    View(
        "carrier_arrivals",
        "arrivals",
        "carrier",
        None,
        {
            "arr_delay_avg_1d": average("delay", _DAY),
            "arr_delay_avg_7d": average("delay", _WEEK),
            "arr_delay_stddev_1d": stddev("delay", _DAY),
            "arr_delay_stddev_7d": stddev("delay", _WEEK),
        },
    ),
    View(
        "dest_arrivals",
        "arrivals",
        "dest",
        None,
        {
            "arr_delay_avg_1d": average("delay", _DAY),
            "arr_delay_avg_1d_offset_7d": average("delay", _WEEK_AGO),
            "arr_delay_max_1d": extreme("max", "arr_delay", _DAY),
            "arr_delay_max_1d_offset_7d": extreme("max", "arr_delay", _WEEK_AGO),
            "air_time_avg_30d": average("aloft", _MONTH),
            "air_time_variance_30d": variance("aloft", _MONTH),
        },
    ),
    View(
        "origin_weather",
        "weather",
        "origin",
        _SKY_TTL,
        {
            "temp": last("temp", _SKY_TTL),
            "visib": last("visib", _SKY_TTL),
            "pressure": last("pressure", _SKY_TTL),
            "wind_speed_last_3h": last("wind_speed", Span(3 * HOUR_US)),
            "wind_speed_max_3h": extreme("max", "wind_speed", Span(3 * HOUR_US)),
            "wind_gust_6h": extreme("max", "wind_gust", _SKY_TTL),
            "precip_6h": fraction_total("precip", _SKY_TTL),
        },
    ),
]
