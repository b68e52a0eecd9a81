"""Linkage of real addresses: few pairs are left beside the key, those must be right."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from benchmarks.labelled_set import PARTS
from domain.address_text import canonical_text
from identity.linkage import engine, records

FILES = (
    "Melbourne_housing_FULL_to_2017-06-30.csv.gz",
    "MELBOURNE_HOUSE_PRICES_LESS_to_2017-06-30.csv.gz",
    "melb_data_to_2017-06-30.csv.gz",
)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def test_two_layouts_of_melbourne_hold_the_same_homes(
    shared_data: Path, tmp_path: Path
) -> None:
    """A pair that was merged tells of one sale: same day, agent and price.

    The first file in its two layouts is joined by the exact key alone.
    """
    keys: dict[str, set[UUID]] = {}
    sales: dict[UUID, set[tuple[str, str]]] = defaultdict(set)
    texts = 0
    rows = tmp_path / "rows.csv"
    with rows.open("w", newline="") as out:
        writer = csv.writer(out)
        for name in FILES:
            for row in _lines(shared_data / "melbourne_housing" / name):
                texts += 1
                known = canonical_text(
                    row["Address"],
                    locality=row["Suburb"],
                    state="VIC",
                    postcode=row["Postcode"].split(".")[0],
                )
                assert known.key_kind == "address", row["Address"]
                keys.setdefault(name, set()).add(known.property_id)
                day, month, year = row["Date"].split("/")
                sales[known.property_id].add(
                    (f"{int(year)}-{int(month)}-{int(day)}", row["SellerG"])
                )
                values = {name: getattr(known, name, None) for name in PARTS[1:]} | {
                    "address_key": known.key,
                    "property_id": known.property_id,
                    "latitude": row.get("Lattitude"),
                    "longitude": row.get("Longtitude"),
                    "dwelling_type": row["Type"],
                }
                writer.writerow([values.get(column) for column in records.COLUMNS])
    duck = engine.open_duckdb(tmp_path, memory_mib=512)
    records.create_input(duck)
    # The same homes in two layouts and a later selection: nothing is left over.
    full, less, snapshot = (keys[name] for name in FILES)
    assert full < less
    assert snapshot < less
    engine.load_csv(duck, "addresses", rows)
    engine.judge_all(duck)
    merges = engine.resolve_homes(duck, engine.kept_edges(duck), {}).merges
    duck.close()
    assert texts > 54_000
    # Read by eye: all of them are one home in two spellings.
    assert 3 <= len(merges) <= 8
    alike = [m for m in merges if sales[m.merged] & sales[m.survivor]]
    if len(alike) < len(merges):
        pytest.fail(f"merged without a sale in common: {set(merges) - set(alike)}")
