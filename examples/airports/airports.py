"""A report on the airports of one country: how many, how high, and which are far from any other.

The data is `airportsdata`, which Treadle installs because `pyproject.toml` asks for it.
"""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import asin, cos, radians, sin, sqrt
from pathlib import Path

import airportsdata

EARTH_RADIUS_KM = 6371.0
KM_PER_DEGREE = 111.19  # of latitude; rounded down, because it bounds a distance from below


@dataclass(frozen=True)
class Airport:
    """One airport, and how far the nearest other airport of its country is, in kilometres."""

    code: str
    name: str
    region: str
    zone: str
    elevation_ft: int
    lat: float
    lon: float
    nearest_km: float = 0.0


def report(country: str = "AU", top: int = 10) -> dict[str, object]:
    """Writes `report.md` and `airports.csv` to the output folder and returns the main figures.

    `country` is an ISO 3166 code of two letters, `top` the length of the tables.
    """
    everywhere = airportsdata.load()
    print(f"airportsdata {airportsdata.__version__}: {len(everywhere):,} airports in the world")
    found = [_airport(row) for row in everywhere.values() if row["country"] == country.upper()]
    if not found:
        raise ValueError(f"country: {country!r} has no airport here; AU, NZ and DE are examples")
    airports = _measured(found)

    output = Path(os.environ.get("TREADLE_OUTPUT_DIR", "."))
    _write_csv(output / "airports.csv", airports)
    _write_report(output / "report.md", country.upper(), airports, top)
    print("Wrote report.md and airports.csv")

    most_remote = max(airports, key=lambda airport: airport.nearest_km)
    highest = max(airports, key=lambda airport: airport.elevation_ft)
    return {
        "country": country.upper(),
        "airports": len(airports),
        "time_zones": len({airport.zone for airport in airports}),
        "highest": {"name": highest.name, "elevation_ft": highest.elevation_ft},
        "most_remote": {"name": most_remote.name, "nearest_km": round(most_remote.nearest_km)},
    }


def _airport(row: airportsdata.Airport) -> Airport:
    return Airport(
        code=row["icao"],
        name=row["name"],
        region=row["subd"] or "(no region)",
        zone=row["tz"],
        elevation_ft=round(row["elevation"]),
        lat=row["lat"],
        lon=row["lon"],
    )


def _measured(airports: list[Airport]) -> list[Airport]:
    """The airports with their distances, region by region; each prints its line when it is done."""
    by_latitude = sorted(airports, key=lambda airport: airport.lat)
    regions: dict[str, list[int]] = defaultdict(list)
    for place, airport in enumerate(by_latitude):
        regions[airport.region].append(place)
    measured: list[Airport] = []
    for number, region in enumerate(sorted(regions), start=1):
        here = [
            replace(by_latitude[place], nearest_km=_nearest_km(by_latitude, place))
            for place in regions[region]
        ]
        measured += here
        far = max(here, key=lambda airport: airport.nearest_km)
        print(
            f"[{number}/{len(regions)}] {region}: {len(here)} measured,"
            f" the most remote is {far.name} ({far.nearest_km:,.0f} km)"
        )
    return measured


def _nearest_km(by_latitude: list[Airport], place: int) -> float:
    """Distance to the nearest other airport, 0 if there is none; looks no farther north or south
    than it has to.
    """
    here = by_latitude[place]
    best = float("inf")
    for others in (range(place + 1, len(by_latitude)), range(place - 1, -1, -1)):
        for other in others:
            if abs(by_latitude[other].lat - here.lat) * KM_PER_DEGREE > best:
                break
            best = min(best, _distance_km(here, by_latitude[other]))
    return 0.0 if best == float("inf") else best


def _distance_km(one: Airport, other: Airport) -> float:
    """Along the great circle (haversine)."""
    lat1, lat2 = radians(one.lat), radians(other.lat)
    half_lat = (lat2 - lat1) / 2
    half_lon = radians(other.lon - one.lon) / 2
    chord = sin(half_lat) ** 2 + cos(lat1) * cos(lat2) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, chord)))


def _write_csv(path: Path, airports: Iterable[Airport]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "name", "region", "time_zone", "elevation_ft", "nearest_km"])
        for a in airports:
            writer.writerow(
                [a.code, a.name, a.region, a.zone, a.elevation_ft, f"{a.nearest_km:.1f}"]
            )


def _write_report(path: Path, country: str, airports: list[Airport], top: int) -> None:
    remote = sorted(airports, key=lambda airport: -airport.nearest_km)[:top]
    high = sorted(airports, key=lambda airport: -airport.elevation_ft)[:top]
    zones: dict[str, int] = defaultdict(int)
    for airport in airports:
        zones[airport.zone] += 1
    lines = [f"# Airports of {country}", "", f"{len(airports)} airports.", ""]
    lines += ["## Farthest from the next airport", ""]
    lines += ["| airport | region | nearest other |", "|---|---|---:|"]
    lines += [f"| {a.name} ({a.code}) | {a.region} | {a.nearest_km:,.0f} km |" for a in remote]
    lines += ["", "## Highest", "", "| airport | region | elevation |", "|---|---|---:|"]
    lines += [f"| {a.name} ({a.code}) | {a.region} | {a.elevation_ft:,} ft |" for a in high]
    lines += ["", "## By time zone", "", "| zone | airports |", "|---|---:|"]
    lines += [f"| {zone} | {count} |" for zone, count in sorted(zones.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
