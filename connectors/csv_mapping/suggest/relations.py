"""What columns of an unknown file say about each other.

Belongs here: suburbs decide postcodes, bedrooms outnumber bathrooms, land is larger
than the house on it. What one column says by itself is `content`.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.csv_mapping.suggest.content import Judgement
from connectors.csv_mapping.suggest.profile import Profile, depends

Judged = dict[tuple[str, int], Judgement]
_COUNTS = ("bedrooms", "bathrooms", "car_spaces")


def relate(judged: Judged, profiles: list[Profile], has_names: bool) -> Judged:
    """The judgements, stronger where columns explain each other."""
    related = dict(judged)
    _suburbs_and_postcodes(related, profiles)
    if not has_names:
        _counts(related, profiles)
        _areas(related, profiles)
    return related


def _strength(judged: Judged, canonical: str, at: int) -> float:
    found = judged.get((canonical, at))
    return 0.0 if found is None or found.strength is None else found.strength


def _raise(judged: Judged, canonical: str, at: int, to: float, reason: str) -> None:
    known = judged[canonical, at]
    if known.strength is not None and known.strength < to:
        judged[canonical, at] = replace(known, strength=to, reason=reason)


def _suburbs_and_postcodes(judged: Judged, profiles: list[Profile]) -> None:
    """The text column that decides a column of postcodes holds suburbs."""
    best: tuple[float, int, int, int] | None = None
    for place in profiles:
        if _strength(judged, "locality", place.at) < 0.3:
            continue
        for code in profiles:
            if _strength(judged, "postcode", code.at) < 0.2 or len(code.counts) < 3:
                continue
            decides = depends(place.cells, code.cells)
            if decides >= 0.93 and (
                best is None or (decides, len(place.counts)) > best[:2]
            ):
                best = (decides, len(place.counts), place.at, code.at)
    if best is not None:
        decides, _, place_at, code_at = best
        reason = f"{decides:.0%} of names have one postcode in {profiles[code_at].name}"
        _raise(judged, "locality", place_at, 0.75, reason)
        reason = f"{decides:.0%} follow from the suburb in {profiles[place_at].name}"
        _raise(judged, "postcode", code_at, 0.8, reason)


def _counts(judged: Judged, profiles: list[Profile]) -> None:
    """Without names: most are bedrooms, those with zeros cars, the rest bathrooms."""
    columns = [
        profile
        for profile in profiles
        if any(_strength(judged, name, profile.at) >= 0.3 for name in _COUNTS)
    ]
    if len(columns) < 2:
        return
    bedrooms = max(columns, key=lambda profile: profile.mean)
    rest = [profile for profile in columns if profile is not bedrooms]
    cars = max(rest, key=lambda profile: profile.within(0, 0))
    baths = [p for p in rest if p is not cars] if cars.within(0, 0) > 0.02 else rest
    _raise(judged, "bedrooms", bedrooms.at, 0.55, "the largest of the small counts")
    if cars.within(0, 0) > 0.02:
        _raise(judged, "car_spaces", cars.at, 0.45, "a small count that is often 0")
    if baths:
        _raise(judged, "bathrooms", baths[0].at, 0.45, "a small count that is rarely 0")


def _areas(judged: Judged, profiles: list[Profile]) -> None:
    """Without names: the larger of two areas is the land, the smaller the building."""
    columns = sorted(
        (
            profile
            for profile in profiles
            if _strength(judged, "land_area_m2", profile.at) >= 0.3
            or _strength(judged, "building_area_m2", profile.at) >= 0.3
        ),
        key=lambda profile: profile.median,
    )
    if len(columns) < 2:
        return
    _raise(judged, "building_area_m2", columns[0].at, 0.4, "the smaller of two areas")
    _raise(judged, "land_area_m2", columns[-1].at, 0.45, "the larger of two areas")
