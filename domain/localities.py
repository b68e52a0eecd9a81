"""Resolving suburbs against the reference set of localities.

Belongs here: an index over rows of places, and finding the one that a suburb, a state
and a postcode mean, misspelt or with a neighbour's postcode. It adds an id, a spelling
and a centre to an address. It never changes the address's key, which hangs from shipped
rules alone (`domain.address_places`), so that a rebuild with another edition of the
set, or without any, gives the same property ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.address_places import Place, make_place
from domain.place_names import PLACE_ALIASES

#: How far each assumption lowers the confidence in the place (factors).
_FACTORS: dict[str, float] = {
    "postcode_missing": 0.95,
    "postcode_of_neighbour": 0.9,
    "state_from_postcode": 0.95,
    "state_from_locality": 0.9,
    "state_of_border_place": 0.95,
    "state_of_neighbour": 0.85,
    "state_missing": 1.0,
    "locality_alias": 0.95,
    "locality_spelling": 0.85,
    "locality_spelling_in_state": 0.7,
    "locality_ambiguous": 0.3,
    "locality_unknown": 0.3,
}
_SHORT_NAME = 6
_LONG_NAME = 8


class PlaceRow(NamedTuple):
    """A place of the reference set; a locality with two postcodes has two rows."""

    locality: str
    state: str
    postcode: str
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class ResolvedPlace:
    """What a suburb, state and postcode mean. `locality_id` is None where unknown.

    `postcode` is the source's if the place has it, else the place's first; `postcodes`
    are all of the place. Latitude and longitude in degrees, of the place's middle.
    """

    locality: str
    state: str | None
    postcode: str | None
    postcodes: tuple[str, ...] = ()
    locality_id: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    confidence: float = 1.0
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """A place of the set, the postcodes of homes before those of boxes."""

    locality_id: str
    locality: str
    state: str
    postcodes: tuple[str, ...]
    latitude: float | None
    longitude: float | None


class Gazetteer:
    """An index of places, built once from the reference set; look-ups are dict reads.

    Ids of localities are the places' part of the address key (`NSW|RYDE NORTH`), so
    they are the same in every edition of the set. Safe for threads that only resolve.
    """

    def __init__(self, rows: Iterable[PlaceRow]) -> None:
        gathered: dict[str, list[tuple[Place, PlaceRow]]] = defaultdict(list)
        for row in rows:
            place = make_place(row.locality, row.state, row.postcode)
            if place.is_known:
                gathered[place.key].append((place, row))
        self._places = {key: _known(key, found) for key, found in gathered.items()}
        self._by_name: dict[str, list[_Known]] = defaultdict(list)
        self._by_postcode: dict[str, list[_Known]] = defaultdict(list)
        self._by_state: dict[str, list[_Known]] = defaultdict(list)
        for known in self._places.values():
            self._by_name[_bare(known.locality_id)].append(known)
            self._by_state[known.state].append(known)
            for postcode in known.postcodes:
                self._by_postcode[postcode].append(known)
        self._memo: dict[tuple[str | None, str | None, str | None], ResolvedPlace] = {}

    def __len__(self) -> int:
        return len(self._places)

    def knows(self, locality: str, state: str | None) -> bool:
        """Whether a suburb of this name is in the state, or in any if that is None."""
        name = _bare(make_place(locality, state, None).key)
        return any(
            state in (None, known.state) for known in self._by_name.get(name, ())
        )

    def resolve(
        self, locality: str | None, state: str | None, postcode: str | None
    ) -> ResolvedPlace:
        """The place meant; memoised, so that repeated suburbs cost a look-up."""
        asked = (locality, state, postcode)
        found = self._memo.get(asked)
        if found is None:
            found = self._memo[asked] = self._resolve(make_place(*asked))
        return found

    def _resolve(self, place: Place) -> ResolvedPlace:
        notes = tuple(note for note in place.assumptions if note != "state_missing")
        known = self._places.get(place.key)
        is_own = known is not None and place.postcode in (None, *known.postcodes)
        if place.locality and not is_own:
            other, note = self._elsewhere(place, known is None)
            known = other or known
            if note is not None:
                notes = (*(n for n in notes if n != "locality_ambiguous"), note)
        if known is None:
            if "locality_ambiguous" not in notes:
                notes = (*notes, "locality_unknown")
            return ResolvedPlace(
                place.locality,
                place.state,
                place.postcode,
                confidence=_confidence(notes),
                assumptions=notes,
            )
        if place.postcode and place.postcode not in known.postcodes:
            notes = (*notes, "postcode_of_neighbour")
        has_it = place.postcode in known.postcodes
        return ResolvedPlace(
            known.locality,
            known.state,
            place.postcode if has_it else known.postcodes[0],
            known.postcodes,
            known.locality_id,
            known.latitude,
            known.longitude,
            _confidence(notes),
            notes,
        )

    def _elsewhere(
        self, place: Place, is_unknown: bool
    ) -> tuple[_Known | None, str | None]:
        """A place by another state, another twin or another spelling, and which.

        A place that is known, but not by this postcode, is left for one of the same
        name that has it in another state only.
        """
        name = _bare(place.key)
        named = self._by_name.get(name, [])
        if place.postcode:
            here = [known for known in named if place.postcode in known.postcodes]
            if len(here) == 1:
                return here[0], "state_of_neighbour"
        if not is_unknown:
            return None, None
        if place.state is None and len(named) == 1:
            return named[0], "state_from_locality"
        in_state = [known for known in named if known.state == place.state]
        if len(in_state) == 1:
            return in_state[0], None
        if (near_by := _nearest_twin(place.postcode, in_state)) is not None:
            return near_by, None
        if in_state or (named and place.state is None):
            return None, "locality_ambiguous"
        near = self._by_postcode.get(place.postcode or "", [])
        spelt = _closest(name, near, 1 if len(name) < _SHORT_NAME else 2)
        if spelt is not None:
            return spelt, "locality_spelling"
        if len(name) >= _LONG_NAME and place.state is not None:
            spelt = _closest(name, self._by_state[place.state], 1)
            if spelt is not None:
                return spelt, "locality_spelling_in_state"
        return None, None


def gazetteer_of(rows: Iterable[Mapping[str, object]]) -> Gazetteer:
    """A gazetteer of rows with the keys of `PlaceRow`, as a database gives them."""
    fields = PlaceRow._fields
    return Gazetteer(PlaceRow(*(row.get(name) for name in fields)) for row in rows)  # type: ignore[arg-type]


def _known(key: str, found: Sequence[tuple[Place, PlaceRow]]) -> _Known:
    place, _ = min(found, key=lambda pair: (pair[0].locality, pair[0].postcode or ""))
    points = sorted(
        (row.latitude, row.longitude)
        for _, row in found
        if row.latitude is not None and row.longitude is not None
    )
    latitude, longitude = points[len(points) // 2] if points else (None, None)
    # Box numbers' postcodes (1000s, 8000s, 9000s) last: the first one stands for all.
    postcodes = sorted(
        {p.postcode for p, _ in found if p.postcode},
        key=lambda postcode: (postcode[0] in "189", postcode),
    )
    names = {p.locality for p, _ in found}
    aliases = set(PLACE_ALIASES.values())
    official = sorted(names & aliases) or [place.locality]
    return _Known(
        key, official[0], place.state or "", tuple(postcodes), latitude, longitude
    )


def _bare(key: str) -> str:
    """Name in a place's key, without state and a twin's mark: `NSW|MAYFIELD 2304`."""
    name = key.partition("|")[2]
    head, _, mark = name.rpartition(" ")
    is_mark = mark == "?" or (len(mark) == 4 and mark.isdigit())
    return head if head and is_mark else name


def _nearest_twin(postcode: str | None, twins: Sequence[_Known]) -> _Known | None:
    """The one twin with a postcode of the same hundred: 2303 means Mayfield 2304."""
    near = [
        twin
        for twin in twins
        if postcode and any(other[:2] == postcode[:2] for other in twin.postcodes)
    ]
    return near[0] if len(near) == 1 else None


def _closest(name: str, places: Iterable[_Known], most: int) -> _Known | None:
    """The one place whose name is at most so many slips away; None if two are."""
    plain = name.replace(" ", "")
    best: list[_Known] = []
    least = most
    for known in places:
        other = _bare(known.locality_id).replace(" ", "")
        if abs(len(other) - len(plain)) > least:
            continue
        slips = _slips(plain, other, least)
        if slips < least:
            least, best = slips, [known]
        elif slips == least:
            best.append(known)
    return best[0] if len(best) == 1 else None


def _slips(one: str, other: str, most: int) -> int:
    """Letters wrong, missing, extra or swapped between two names, up to `most` + 1."""
    if one == other:
        return 0
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        last, before, row = before, row, [i]
        for j, there in enumerate(other, start=1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != there))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == there:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


def _confidence(assumptions: tuple[str, ...]) -> float:
    value = 1.0
    for note in assumptions:
        value *= _FACTORS[note]
    return round(value, 3)
