"""Whether a row's place holds together: coordinates as a pair, postcode beside state.

Belongs here: what the rules of `domain.australia` do to a row's values. Single cells
are `cells`; what else refuses a row is `parse`.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.csv_mapping.cells import CellError
from connectors.csv_mapping.layout import Bound, Layout
from connectors.csv_mapping.numbers import read_number
from domain.australia import (
    Finding,
    check_coordinates,
    check_postcode,
    is_in_australia,
)

Notes = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """The columns of a layout that say where a dwelling is."""

    latitude: Bound | None
    longitude: Bound | None
    postcode: Bound | None

    @classmethod
    def of(cls, layout: Layout) -> PlaceRules:
        """Find them in a layout."""
        found = {item.column.name: item for item in layout.bound}
        return cls(found.get("latitude"), found.get("longitude"), found.get("postcode"))

    def apply(
        self, cells: list[str], values: dict[str, str], notes: Notes
    ) -> tuple[Bound, CellError] | None:
        """Mend or drop what does not fit, with a note; or name what refuses the row."""
        if self.latitude is not None and self.longitude is not None:
            fault = self._coordinates(
                self.latitude, self.longitude, cells, values, notes
            )
            if fault is not None:
                return fault
        if self.postcode is not None and "postcode" in values:
            finding = check_postcode(values["postcode"], values.get("state"))
            if finding is not None:
                return _note(finding, (self.postcode,), cells, values, notes)
        return None

    def _coordinates(
        self,
        latitude: Bound,
        longitude: Bound,
        cells: list[str],
        values: dict[str, str],
        notes: Notes,
    ) -> tuple[Bound, CellError] | None:
        known = values.get("latitude"), values.get("longitude")
        if (
            known[0] is not None
            and known[1] is not None
            and is_in_australia(float(known[0]), float(known[1]))
        ):
            return None
        pair = (latitude, longitude)
        texts = [cells[item.at] for item in pair]
        numbers = [
            read_number(text, item.column.decimal)
            for text, item in zip(texts, pair, strict=True)
        ]
        if numbers[0] is None or numbers[1] is None:
            return None
        finding = check_coordinates(float(numbers[0]), float(numbers[1]))
        if finding is None:
            return None
        if finding.rule_id == "coordinates_swapped":
            # Only one reading lies in the country: it is taken, and the row says so.
            values["latitude"], values["longitude"] = (
                format(numbers[1], "f"),
                format(numbers[0], "f"),
            )
            for item, text in zip(pair, texts, strict=True):
                notes[item.column.name] = {"value": text, "rule": finding.rule_id}
            return None
        if finding.rule_id != "coordinates_zero" and _has_own_bounds(pair):
            return None
        return _note(finding, pair, cells, values, notes)


def _has_own_bounds(pair: tuple[Bound, ...]) -> bool:
    """A mapping that states bounds knows better which country its file is about."""
    return all(item.column.min or item.column.max for item in pair)


def _note(
    finding: Finding,
    items: tuple[Bound, ...],
    cells: list[str],
    values: dict[str, str],
    notes: Notes,
) -> tuple[Bound, CellError] | None:
    for item in items:
        if finding.is_certain and item.column.is_rejecting:
            return item, CellError(finding.rule_id, finding.reason)
        notes[item.column.name] = {"value": cells[item.at], "rule": finding.rule_id}
        if finding.is_certain:
            values.pop(item.column.name, None)
    return None
