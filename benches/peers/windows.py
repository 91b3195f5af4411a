"""What engines have to be told of nyc13's features: windows, ages, last values."""

from __future__ import annotations

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

#: Name in a column → width.
WIDTHS_US = {
    "15m": 15 * MINUTE_US,
    "1h": HOUR_US,
    "3h": 3 * HOUR_US,
    "6h": 6 * HOUR_US,
    "1d": DAY_US,
    "7d": 7 * DAY_US,
    "30d": 30 * DAY_US,
}

#: Topic, the field its records are keyed by, its event time.
TOPICS = [("departures", "tailnum", "dep_at"), ("arrivals", "tailnum", "arr_at"), ("weather", "origin", "observed_at")]

#: An aircraft's legs count for so long.
LEGS_TTL_US = 90 * DAY_US
#: An observation of the weather counts for so long.
SKY_TTL_US = 6 * HOUR_US

#: Last values: column → source, key, field, how old it may be.
LASTS = {
    "origin_departures__last_dest": ("departures", "origin", "dest", None),
    "aircraft_legs__last_arr_delay": ("arrivals", "tailnum", "arr_delay", LEGS_TTL_US),
    "aircraft_legs__last_dest": ("arrivals", "tailnum", "dest", LEGS_TTL_US),
    "origin_weather__temp": ("weather", "origin", "temp", SKY_TTL_US),
    "origin_weather__visib": ("weather", "origin", "visib", SKY_TTL_US),
    "origin_weather__pressure": ("weather", "origin", "pressure", SKY_TTL_US),
    "origin_weather__wind_speed_last_3h": ("weather", "origin", "wind_speed", WIDTHS_US["3h"]),
}
