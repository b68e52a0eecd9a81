"""The simulator's labelled addresses as records for linkage, and how well it did.

Addresses become canonical by the rules of `domain`, as the warehouse does it; those of
one canonical key are one record. Judging counts pairs of addresses, not of records.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from domain.address_text import canonical_text
from domain.addresses import CanonicalAddress, canonical_psi
from identity.linkage.records import COLUMNS
from simulator.labelled_addresses import LabelledAddress

#: Columns of the linkage's input that a canonical address gives.
PARTS = (
    "address_key",
    *("key_kind", "unit_number", "lot_number", "level_number", "street_number"),
    *("street_name", "street_type", "street_suffix", "locality", "state", "postcode"),
    *("gnaf_pid", "confidence"),
)


@dataclass(slots=True)
class _Evidence:
    """What the addresses of one record say besides the address."""

    titles: set[str] = field(default_factory=set)
    places: list[tuple[float, float]] = field(default_factory=list)
    dwellings: set[str] = field(default_factory=set)


@dataclass(slots=True)
class LabelledRecords:
    """Records to link, and how many addresses of which home each holds.

    `parts` are the columns of the linkage's input that come from the address itself.
    """

    parts: dict[UUID, tuple[Any, ...]]
    evidence: dict[UUID, _Evidence]
    homes: dict[UUID, Counter[int]]
    addresses: int = 0

    def rows(self) -> Iterable[tuple[Any, ...]]:
        """Rows of the linkage's input, in `COLUMNS` order."""
        for property_id, parts in self.parts.items():
            seen = self.evidence[property_id]
            values = {
                **dict(zip(PARTS, parts, strict=True)),
                "property_id": str(property_id),
                "titles": ";".join(sorted(seen.titles)) or None,
                "latitude": _middle([place[0] for place in seen.places]),
                "longitude": _middle([place[1] for place in seen.places]),
                "dwelling_type": _agreed(seen.dwellings),
            }
            yield tuple(values[name] for name in COLUMNS)

    def write(self, records: Path, truth: Path) -> None:
        """The linkage's input and the commonest home of each record, as CSV."""
        with records.open("w", newline="") as out:
            csv.writer(out).writerows(self.rows())
        with truth.open("w", newline="") as out:
            csv.writer(out).writerows(
                (property_id, homes.most_common(1)[0][0])
                for property_id, homes in self.homes.items()
            )


def _middle(values: list[float]) -> float | None:
    return round(median(values), 5) if values else None


def _agreed(kinds: set[str]) -> str | None:
    return min(kinds) if len(kinds) == 1 else None


def canonical(given: LabelledAddress) -> CanonicalAddress:
    """The address as the warehouse identifies it."""
    if given.source == "nsw_valuer":
        return canonical_psi(
            unit=given.unit or None,
            house=given.house_number or None,
            street=given.street,
            locality=given.locality,
            postcode=given.postcode,
            strata_lot=given.strata_lot or None,
            valuer_property_id=given.parcel,
        )
    return canonical_text(
        given.address,
        locality=given.locality,
        state=given.state,
        postcode=given.postcode or None,
    )


def _parts(known: CanonicalAddress) -> tuple[Any, ...]:
    return (known.key, *(getattr(known, name, None) for name in PARTS[1:]))


def gather(addresses: Iterable[LabelledAddress]) -> LabelledRecords:
    """Addresses to records: one a canonical key that identifies something."""
    found = LabelledRecords({}, {}, {})
    for given in addresses:
        known = canonical(given)
        if known.key_kind == "non_identifying":
            continue
        found.addresses += 1
        key = known.property_id
        if key not in found.parts:
            found.parts[key] = _parts(known)
        found.homes.setdefault(key, Counter())[given.home] += 1
        seen = found.evidence.setdefault(key, _Evidence())
        if given.parcel:
            seen.titles.add(f"{given.state}|{given.parcel}|{given.strata_lot}")
        if given.latitude is not None and given.longitude is not None:
            seen.places.append((given.latitude, given.longitude))
        if given.dwelling_type:
            seen.dwellings.add(given.dwelling_type)
    return found


@dataclass(frozen=True, slots=True)
class Judgement:
    """Pairs of addresses: of one home in truth, put together, and both."""

    true_pairs: int
    found_pairs: int
    right_pairs: int

    @property
    def precision(self) -> float:
        """Share of the pairs put together that are one home."""
        return self.right_pairs / max(1, self.found_pairs)

    @property
    def recall(self) -> float:
        """Share of the pairs of one home that were put together."""
        return self.right_pairs / max(1, self.true_pairs)


def judge(
    labelled: LabelledRecords, survivors: Mapping[UUID, UUID]
) -> tuple[Judgement, Judgement]:
    """All pairs of addresses, and those that the exact key does not join."""
    in_truth: Counter[int] = Counter()
    by_cluster: dict[UUID, Counter[int]] = defaultdict(Counter)
    exact_pairs = exact_right = 0
    for property_id, homes in labelled.homes.items():
        by_cluster[survivors.get(property_id, property_id)].update(homes)
        in_truth.update(homes)
        exact_pairs += _pairs(homes.total())
        exact_right += sum(map(_pairs, homes.values()))
    true = sum(map(_pairs, in_truth.values()))
    together = sum(_pairs(homes.total()) for homes in by_cluster.values())
    right = sum(_pairs(n) for homes in by_cluster.values() for n in homes.values())
    return (
        Judgement(true, together, right),
        Judgement(true - exact_right, together - exact_pairs, right - exact_right),
    )


def _pairs(count: int) -> int:
    return count * (count - 1) // 2
