"""Proposing a mapping for an unknown file, by its header and by its content.

Belongs here: weighing what names say against what values say, and giving each canonical
column at most one source. How a chosen column is read is `details`; writing YAML is
`yaml_text`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from connectors.csv_mapping.mapping import CANONICAL_COLUMNS
from connectors.csv_mapping.suggest.content import Judgement, Setting, judge
from connectors.csv_mapping.suggest.details import Details, describe
from connectors.csv_mapping.suggest.opening import opened
from connectors.csv_mapping.suggest.profile import Profile
from connectors.csv_mapping.suggest.relations import relate
from connectors.csv_mapping.suggest.sample import Sample, take_sample
from connectors.csv_mapping.suggest.vocabulary import NAMES, name_score
from domain.errors import PermanentError

#: Least confidence of a proposal, with and without names to go by.
LEAST = 0.45
LEAST_NAMELESS = 0.3
#: What values must prove where the name says something else.
_STRONG = 0.55


@dataclass(frozen=True, slots=True)
class ColumnSuggestion:
    """One proposed column: its part of the mapping, how sure it is, and why.

    `alternatives` are other sources it could have, with their confidence.
    """

    canonical: str
    sources: tuple[str, ...]
    confidence: float
    reason: str
    spec: dict[str, Any]
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A source column left out, with what it was nearly taken for."""

    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A proposed mapping: its YAML as plain data, and as text with the reasons."""

    path: Path
    columns: tuple[ColumnSuggestion, ...]
    unmapped: tuple[Unmapped, ...]
    ignored: tuple[Unmapped, ...]
    content: dict[str, Any]
    notes: tuple[str, ...]
    row_count: int
    sample_size: int
    is_complete: bool
    text: str = field(default="", repr=False)

    def column(self, canonical: str) -> ColumnSuggestion | None:
        """The proposal for one canonical column, if there is one."""
        return next((c for c in self.columns if c.canonical == canonical), None)

    @property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """Source names by canonical column."""
        return {column.canonical: column.sources for column in self.columns}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A source column as a canonical one: confidence, and what name and values say."""

    canonical: str
    at: int
    confidence: float
    by_name: float
    judged: Judgement


def suggest_mapping(
    path: str | Path, *, name: str | None = None, today: date | None = None
) -> Suggestion:
    """Propose a mapping for a file that nothing is known of.

    `name` is the mapping's, by default made from the file's. Dates after `today`
    (default: the clock's) are taken for no sale's.

    Raises:
        PermanentError: the file is not there, or is no table.
    """
    location = Path(path).expanduser()
    last_day = today or date.today()  # noqa: DTZ011 - a sale's date has no zone either
    with opened(location) as grid:
        sample = take_sample(grid)
        variants = grid.variants
    if sample is None or not sample.columns:
        raise PermanentError(
            f"The file {location} holds no table. Give a file with rows and columns."
        )
    profiles = _profiles(sample)
    candidates, vetoes = _candidates(profiles, sample, Setting(last_day))
    chosen = _assign(candidates)
    found = describe(sample, profiles, chosen, last_day, variants)
    columns = tuple(
        _column(canonical, found, chosen, candidates, profiles)
        for canonical in CANONICAL_COLUMNS
        if canonical in found.specs
    )
    return _suggestion(location, name, sample, profiles, columns, found, vetoes)


def _profiles(sample: Sample) -> list[Profile]:
    def profiles(decimal: str) -> list[Profile]:
        return [
            Profile(name, at, cells, decimal)
            for at, (name, cells) in enumerate(
                zip(sample.names, sample.columns, strict=True)
            )
        ]

    usual, other = profiles("."), profiles(",")
    if sum(p.is_numeric for p in other) > sum(p.is_numeric for p in usual):
        return other
    return usual


def _candidates(
    profiles: list[Profile], sample: Sample, setting: Setting
) -> tuple[list[Candidate], dict[int, str]]:
    """Every pair that could be, and why names were not followed, by column."""
    judged = {
        (canonical, profile.at): judge(canonical, profile, setting)
        for canonical in NAMES
        for profile in profiles
        if profile.name
    }
    named = {
        (canonical, profile.at): name_score(profile.name, canonical, names)
        for canonical, names in NAMES.items()
        for profile in profiles
        if sample.has_header and profile.name
    }
    has_names = sum(score >= 0.7 for score in named.values()) >= 2
    judged = relate(judged, profiles, has_names)
    candidates: list[Candidate] = []
    vetoes: dict[int, str] = {}
    for (canonical, at), judgement in judged.items():
        score = named.get((canonical, at), 0.0)
        if judgement.strength is None:
            if score >= 0.75 and at not in vetoes:
                vetoes[at] = f"called like {canonical}, but {judgement.reason}"
            continue
        confidence = _confidence(score, judgement.strength, has_names)
        # A column without values proves nothing; one half empty is the worse choice.
        confidence *= 0.6 + 0.4 * profiles[at].filled_share ** 0.5
        if confidence >= (LEAST if has_names else LEAST_NAMELESS):
            candidates.append(
                Candidate(canonical, at, round(confidence, 2), score, judgement)
            )
    candidates.sort(key=lambda c: (-c.confidence, c.at))
    return candidates, vetoes


def _confidence(by_name: float, by_content: float, has_names: bool) -> float:
    if not has_names:
        return max(by_content, 0.6 * by_name)
    if by_name == 0 and by_content < _STRONG:
        return 0.0
    return 1 - (1 - 0.85 * by_name) * (1 - 0.8 * by_content)


def _assign(candidates: list[Candidate]) -> dict[str, Candidate]:
    """Best pairs first; each canonical column and each source once."""
    chosen: dict[str, Candidate] = {}
    used: set[int] = set()
    for candidate in candidates:
        if candidate.canonical not in chosen and candidate.at not in used:
            chosen[candidate.canonical] = candidate
            used.add(candidate.at)
    return chosen


def _column(
    canonical: str,
    found: Details,
    chosen: dict[str, Candidate],
    candidates: list[Candidate],
    profiles: list[Profile],
) -> ColumnSuggestion:
    detail = found.specs[canonical]
    candidate = chosen.get(canonical)
    others = tuple(
        (profiles[other.at].name, other.confidence)
        for other in candidates
        if other.canonical == canonical
        and (candidate is None or other.at != candidate.at)
    )[:3]
    confidence = detail.confidence
    if candidate is not None and others and others[0][1] >= candidate.confidence - 0.03:
        # Two columns fit equally well: somebody has to look.
        confidence = min(confidence, 0.7)
    return ColumnSuggestion(
        canonical,
        detail.sources,
        round(confidence, 2),
        detail.reason,
        detail.spec,
        others,
    )


def _suggestion(
    path: Path,
    name: str | None,
    sample: Sample,
    profiles: list[Profile],
    columns: tuple[ColumnSuggestion, ...],
    found: Details,
    vetoes: dict[int, str],
) -> Suggestion:
    from connectors.csv_mapping.suggest.yaml_text import write_yaml

    used = {source for column in columns for source in column.sources}
    ignored = tuple(
        Unmapped(profile.name, "counts the rows; changes from file to file")
        for profile in profiles
        if profile.name and profile.name not in used and profile.is_counter
    )
    passed = {item.name for item in ignored} | used
    unmapped = tuple(
        Unmapped(profile.name, vetoes.get(profile.at, ""))
        for profile in profiles
        if profile.name and profile.name not in passed
    )
    content: dict[str, Any] = {
        "name": name or _slug(path),
        "version": 1,
        "description": f"Proposed from {path.name}; not yet checked by a person.",
        **found.top,
        "columns": {column.canonical: column.spec for column in columns},
        **found.bottom,
    }
    if sample.has_header:
        if unmapped:
            content["unmapped"] = [item.name for item in unmapped]
        if ignored:
            content["ignored"] = [item.name for item in ignored]
    suggestion = Suggestion(
        path,
        columns,
        unmapped,
        ignored,
        content,
        found.notes,
        sample.row_count,
        sample.size,
        sample.is_complete,
    )
    return write_yaml(suggestion)


def _slug(path: Path) -> str:
    plain = path.name.split(".")[0].casefold()
    slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:50]
    return slug if slug[:1].isalpha() else f"file_{slug}".strip("_")
