"""Canonical keys of parcels of land, out of legal descriptions.

Belongs here: reading every lot of a description that names several, and each one's key.
What one lot and plan look like is `domain.australia`. A strata lot is a dwelling, or
its car space; the land it stands on is its scheme, so both have a key here.

Keys: `NSW|DP838891|1`, with a section `NSW|DP758002|15/39`, strata `NSW|SP57860|47`, a
scheme's common property `NSW|SP57860|CP`. The land of a strata lot: `NSW|SP57860`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.address_words import upper
from domain.australia import LotPlan, parse_lot_plan

#: Kinds of plan whose lots are parts of a building or of a scheme, not of the land.
SCHEME_KINDS = frozenset({"SP", "BUP", "GTP", "CS"})

_LOT = r"(?:PT\s+)?(?:[A-Z]{0,2}\d{1,6}[A-Z]{0,2}|[A-Z]{1,2})"
# `18, 19, 20/13/995`, `1, PT 2//SP 40636`; not `18.52X71.09/86.61`, which are metres.
_GROUP = re.compile(
    rf"(?<![A-Z0-9./])(?P<lots>{_LOT}(?:\s*,\s*{_LOT})*)"
    r"/(?:(?P<section>[A-Z0-9]{0,4})/)?\s*(?P<plan>(?:DP|SP|CP)?\s*\d{1,8})"
    r"(?![0-9./]|[A-Z]\d)"
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One lot of one plan. `is_part`: the description names only a part of the lot."""

    state: str
    plan: str
    lot: str
    section: str | None = None
    is_part: bool = False

    @property
    def key(self) -> str:
        """`NSW|DP838891|1`."""
        section = f"/{self.section}" if self.section else ""
        return f"{self.state}|{self.plan}|{self.lot}{section}"

    @property
    def is_strata(self) -> bool:
        """Whether the lot is a dwelling (or its annex) within a scheme."""
        return _kind_of(self.plan) in SCHEME_KINDS

    @property
    def land_key(self) -> str:
        """Key of the land: the scheme of a strata lot, else the lot itself."""
        return f"{self.state}|{self.plan}" if self.is_strata else self.key


@lru_cache(1 << 16)
def parse_parcels(
    text: str, state: str = "NSW", kind: str = "DP"
) -> tuple[Parcel, ...]:
    """Every parcel a legal description names, in its order, each once.

    `7, 8/7/7634` are lots 7 and 8 of section 7; `1/838891 2/SP57860` two plans. Leases,
    permits, measures and easements around them are left out. Empty where there is no
    lot and plan. `kind` is of plans whose kind is not written: DP in NSW.
    """
    plain = upper(text).replace("\\", "/")
    found: dict[Parcel, None] = {}
    for group in _GROUP.finditer(plain):
        plan = group["plan"].replace(" ", "")
        number = plan.lstrip("DSCP").lstrip("0")
        if not number:
            continue
        prefix = plan[:2] if plan[0].isalpha() else kind
        for lot in group["lots"].split(","):
            name = lot.strip()
            is_part = name.startswith("PT ")
            name = name.removeprefix("PT ").strip().lstrip("0")
            if name:
                section = group["section"] or None
                found[Parcel(state, prefix + number, name, section, is_part)] = None
    if not found and (single := parse_lot_plan(text, kind)) is not None:
        return (_of_lot_plan(single, state),)
    return tuple(found)


def parcel_keys(text: str, state: str = "NSW") -> tuple[str, ...]:
    """Keys of `parse_parcels`: `('NSW|DP838891|1',)`."""
    return tuple(dict.fromkeys(parcel.key for parcel in parse_parcels(text, state)))


def land_keys(text: str, state: str = "NSW") -> tuple[str, ...]:
    """Keys of the land described: a strata plan once, however many of its lots."""
    return tuple(dict.fromkeys(p.land_key for p in parse_parcels(text, state)))


def _kind_of(plan: str) -> str:
    """Letters before a plan's number: `SP57860` -> `SP`."""
    return plan[: next((at for at, c in enumerate(plan) if c.isdigit()), len(plan))]


def _of_lot_plan(found: LotPlan, state: str) -> Parcel:
    return Parcel(state, found.kind + found.number, found.lot or "CP", found.section)
