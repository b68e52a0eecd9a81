"""How chosen columns are read: units, forms, codes, bounds; and the file around them.

Belongs here: dates and addresses in parts, the state, which rows are sales, the layout.
Single columns are `specs`; which source a column has is `proposal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from connectors.csv_mapping.suggest.content import METHODS, is_swapped, states_of
from connectors.csv_mapping.suggest.profile import Profile
from connectors.csv_mapping.suggest.sample import Sample
from connectors.csv_mapping.suggest.specs import Chosen, Reading, spec_of, units_of
from connectors.csv_mapping.suggest.vocabulary import (
    PART_NAMES,
    name_score,
)


@dataclass(frozen=True, slots=True)
class Detail:
    """A column's part of the mapping, its sources, and what to say about it."""

    sources: tuple[str, ...]
    confidence: float
    reason: str
    spec: dict[str, Any]


@dataclass(slots=True)
class Details:
    """Everything of the mapping but its name; `top` stands above the columns."""

    specs: dict[str, Detail] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    bottom: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def describe(
    sample: Sample,
    profiles: list[Profile],
    chosen: Mapping[str, Chosen],
    last_day: date,
    variants: tuple[str, ...],
) -> Details:
    """The mapping's parts for the chosen columns."""
    details = Details()
    notes: list[str] = []
    units = units_of(profiles, chosen)
    for canonical, candidate in chosen.items():
        profile = profiles[candidate.at]
        reading = Reading(
            profile,
            candidate.judged,
            candidate.by_name,
            units.get(canonical, "m2"),
            profiles,
            _codes_of(sample, profile),
        )
        spec, more = spec_of(canonical, reading)
        reasons = [_by_name(candidate, profile), candidate.judged.reason, more]
        details.specs[canonical] = Detail(
            (profile.name,),
            candidate.confidence,
            "; ".join(filter(None, reasons)),
            {"from": [profile.name], **spec},
        )
    _dates_in_parts(details, profiles, chosen, last_day)
    _address_in_parts(details, profiles, chosen)
    _state(details, profiles, chosen, notes)
    _sales(details, sample, profiles, chosen, notes)
    _coordinates(profiles, chosen, notes)
    _layout(details, sample, profiles, variants, notes)
    notes += [
        f"No column for {wanted} was found: without it rows say little."
        for wanted in ("sale_date", "price_aud", "locality")
        if wanted not in details.specs
    ]
    details.notes = tuple(notes)
    return details


def _codes_of(sample: Sample, profile: Profile) -> list[str]:
    """A column's values, the commonest first; rare ones of the whole file too."""
    counts = sample.codes[profile.at] or profile.counts
    return [code for code, _ in counts.most_common() if code]


def _by_name(candidate: Chosen, profile: Profile) -> str:
    if candidate.by_name >= 0.9:
        return f"called {profile.name}"
    if candidate.by_name > 0:
        return f"called {profile.name}, which is close"
    return ""


def _part(
    kind: str, profiles: list[Profile], used: set[int]
) -> tuple[Profile, float] | None:
    scored = [
        (name_score(profile.name, kind, PART_NAMES[kind]), -profile.at, profile)
        for profile in profiles
        if profile.name and profile.at not in used and profile.values
    ]
    score, _, profile = max(scored, default=(0.0, 0, None), key=lambda item: item[:2])
    return (profile, score) if profile is not None and score >= 0.8 else None


def _dates_in_parts(
    details: Details,
    profiles: list[Profile],
    chosen: Mapping[str, Chosen],
    last_day: date,
) -> None:
    if "sale_date" in details.specs:
        return
    used = {candidate.at for candidate in chosen.values()}
    year = _part("year", profiles, used)
    if year is None or year[0].within(1_850, last_day.year) < 0.95:
        return
    parts = {"year": [year[0].name]}
    month = _part("month", profiles, used)
    if month is not None and (not month[0].is_numeric or month[0].within(1, 12) == 1):
        parts["month"] = [month[0].name]
        day = _part("day", profiles, used)
        if day is not None and day[0].within(1, 31) == 1:
            parts["day"] = [day[0].name]
    missing = [kind for kind in ("month", "day") if kind not in parts]
    reason = f"the date is kept in {' and '.join(names[0] for names in parts.values())}"
    if missing:
        reason += f"; without a {' and '.join(missing)} the first is taken"
    confidence = 0.9 - 0.15 * len(missing)
    spec: dict[str, Any] = {"parts": parts, "required": True, "min": "1900-01-01"}
    spec["invalid"] = "reject"
    sources = tuple(name for names in parts.values() for name in names)
    details.specs["sale_date"] = Detail(sources, confidence, reason, spec)


def _address_in_parts(
    details: Details, profiles: list[Profile], chosen: Mapping[str, Chosen]
) -> None:
    if "address" in details.specs:
        return
    used = {candidate.at for candidate in chosen.values()}
    number = _part("street_number", profiles, used)
    street = _part("street_name", profiles, used)
    if number is None or street is None or number[0].at == street[0].at:
        return
    if street[0].is_numeric or (
        number[0].distinct_share > 0.95 and number[0].is_counter
    ):
        return
    joined: list[Any] = [number[0].name, street[0].name]
    sources = [*joined]
    kind = _part("street_type", profiles, used)
    if kind is not None and kind[0].at != street[0].at:
        joined.append(kind[0].name)
        sources.append(kind[0].name)
    unit = _part("unit_number", profiles, used)
    if unit is not None:
        joined.insert(0, {"column": unit[0].name, "after": "/"})
        sources.insert(0, unit[0].name)
    reason = f"the address is kept in {', '.join(sources)}"
    spec: dict[str, Any] = {"join": joined, "required": True}
    details.specs["address"] = Detail(tuple(sources), 0.85, reason, spec)


def _state(
    details: Details,
    profiles: list[Profile],
    chosen: Mapping[str, Chosen],
    notes: list[str],
) -> None:
    if "state" in details.specs:
        return
    candidate = chosen.get("postcode")
    if candidate is None:
        notes.append(
            "No column and no postcode tells the state: add `constants: {state: ...}`."
        )
        return
    profile = profiles[candidate.at]
    shares = states_of(profile)
    state, share = max(shares.items(), key=lambda item: item[1])
    spec: dict[str, Any] = {"from": [profile.name], "parser": "postcode_state"}
    if share > 0.99:
        spec["default"] = state
    details.specs["state"] = Detail(
        (profile.name,),
        round(candidate.confidence * 0.95, 2),
        f"by postcode: {share:.0%} of them are of {state}",
        spec,
    )


def _sales(
    details: Details,
    sample: Sample,
    profiles: list[Profile],
    chosen: Mapping[str, Chosen],
    notes: list[str],
) -> None:
    candidate = chosen.get("sale_method")
    if candidate is None:
        notes.append("Every row with a price is taken for a sale.")
        return
    kinds: dict[str, list[str]] = {"sales": [], "bids": [], "without_price": []}
    unknown = []
    for code in _codes_of(sample, profiles[candidate.at]):
        kind = METHODS.get(code.casefold())
        if kind is None:
            unknown.append(code)
        kinds[kind or "without_price"].append(code)
    details.bottom["sale_methods"] = {
        k: v for k, v in kinds.items() if v or k == "sales"
    }
    if unknown:
        notes.append(
            "Methods not known, so no sales until you say so: "
            f"{', '.join(unknown[:8])}."
        )


def _coordinates(
    profiles: list[Profile], chosen: Mapping[str, Chosen], notes: list[str]
) -> None:
    latitude, longitude = chosen.get("latitude"), chosen.get("longitude")
    if latitude is None or longitude is None:
        return
    if is_swapped(profiles[latitude.at], profiles[longitude.at]):
        notes.append("Latitude and longitude look swapped.")


def _layout(
    details: Details,
    sample: Sample,
    profiles: list[Profile],
    variants: tuple[str, ...],
    notes: list[str],
) -> None:
    file: dict[str, Any] = {}
    if not sample.has_header:
        file["header"] = False
        file["skip_lines"] = sample.after
        notes.append("The file has no header: columns go by their content only.")
    elif sample.header_row > 1:
        file["skip_lines"] = sample.header_row - 1
    if sample.has_sheets and len(variants) > 1:
        file["sheet"] = sample.variant
    elif not sample.has_sheets and sample.variant:
        file["delimiters"] = [sample.variant]
    if any(profile.decimal == "," for profile in profiles):
        file["decimal"] = ","
    if file:
        details.top["file"] = file
    if "address" not in details.specs:
        details.top["identifying"] = False
        notes.append("No column holds addresses: no row will be joined to a dwelling.")
    used = {source for detail in details.specs.values() for source in detail.sources}
    words = {
        word
        for name, found in zip(sample.names, sample.null_words, strict=True)
        if name in used
        for word in found
    }
    if words:
        from connectors.csv_mapping.mapping import NULL_TOKENS

        details.top["null_tokens"] = [*NULL_TOKENS, *sorted(words)]
