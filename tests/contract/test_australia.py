"""Australian patterns against every locality of the real postcode list."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from domain.australia import (
    check_coordinates,
    check_postcode,
    postcode_text,
    state_code,
)

#: Not real places or not in the country: rows that break a rule, and rightly so.
NO_PLACES = {
    ("9999", "VIC", "postcode_not_of_state"),  # letters to Santa Claus
    ("0852", "NT", "coordinates_zero"),
    ("0872", "NT", "coordinates_zero"),
    ("6947", "WA", "coordinates_zero"),
    ("6958", "WA", "coordinates_zero"),  # warships
    ("6965", "WA", "coordinates_zero"),
    ("4120", "QLD", "coordinates_outside"),  # Loreto Hill, placed in the sea
}


def test_every_locality_passes_or_is_a_known_exception(shared_data: Path) -> None:
    path = shared_data / "au_postcodes" / "australian_postcodes.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 18_000
    broken = set()
    crossing = set()
    for row in rows:
        state = state_code(row["State"])
        assert state is not None, row["State"]
        postcode = row["Postcode"]
        assert postcode_text(postcode) == postcode
        findings = [check_postcode(postcode, state)]
        for north, east in (("Lat", "Long"), ("Lat (Google)", "Long (Google)")):
            if row[north] and row[east]:
                findings.append(check_coordinates(float(row[north]), float(row[east])))
        for found in findings:
            if found is not None and found.is_certain:
                broken.add((postcode, state, found.rule_id))
            elif found is not None:
                crossing.add((postcode, state))
    assert broken == NO_PLACES
    assert len(crossing) == 17
