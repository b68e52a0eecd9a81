"""Identifying addresses by the million: the bulk twin of the `domain` library.

Belongs here: batches of address parts in, canonical addresses out, row for row what
`canonical_psi` and `canonical_text` say. Every distinct part is parsed once in Python
(`identity.dictionaries`); the rest is SQL (`identity.composition`) in DuckDB. Which
addresses are to be identified, and where they are kept, is for `assets/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from domain.address_text import canonical_text
from domain.addresses import CanonicalAddress, confidence_of
from identity.composition import COLUMNS, LINE_STATEMENT, PSI_STATEMENT
from identity.dictionaries import (
    NUMBERS,
    PLACES,
    STREETS,
    UNITS,
    PartDictionary,
    read_number,
    read_place,
    read_street,
    read_unit,
)

#: Columns of the batches each reader takes, beside `address_hash`.
PSI_COLUMNS = (
    *("unit_number", "house_number", "street_name", "locality", "postcode"),
    *("strata_lot_number", "valuer_property_id"),
)
LINE_COLUMNS = ("address", "locality", "state", "postcode")

# Lines of one plain form: a unit (by word or slash), a number, a street of words. What
# this takes it takes apart as `canonical_text` does; all else goes there.
_NUMBER = r"[1-9][0-9]{0,4}[A-Z]?(?:-[1-9][0-9]{0,4}[A-Z]?)?"
_PLAIN = (
    r"^(?:(?:UNIT |U ?|FLAT |APARTMENT |APT |SHOP )?([1-9][0-9]{0,4}[A-Z]?)(?:/|, ))?"
    rf"({_NUMBER}) ([A-Z]{{2,}}(?: [A-Z]+)*)$"
)
_SPLIT = f"""
    select
        address_hash,
        locality,
        state,
        postcode,
        regexp_extract(upper(address), '{_PLAIN}', ['unit', 'house', 'street']) as line,
        line.unit,
        line.house,
        line.street
    from lines_given
"""  # noqa: S608
_ODD = """
    select address_hash, address, locality, state, postcode
    from lines_given
    where address_hash not in (select address_hash from identified)
"""

_WHOLE = """
    select identified.*, confidences.confidence
    from identified
    inner join confidences on confidences.notes = identified.assumptions
"""


class BulkReader:
    """Identifies batches of addresses; remembers the parts it has met.

    One DuckDB database in memory of `threads` threads and at most `memory`, with what
    does not fit in `folder`. `read_psi` and `read_lines` take Arrow tables and add to
    what `take` and `take_copy_text` then hand out, in no order. Not safe for threads.
    """

    def __init__(
        self, *, threads: int = 1, memory: str = "1GB", folder: Path | None = None
    ) -> None:
        import duckdb

        config = {
            "threads": str(threads),
            "memory_limit": memory,
            "preserve_insertion_order": "false",
        }
        if folder is not None:
            config["temp_directory"] = str(folder)
        self.database: Any = duckdb.connect(config=config)
        make = partial(PartDictionary, self.database)
        self._streets = make("streets", STREETS, read_street)
        self._numbers = make("numbers", NUMBERS, read_number)
        self._units = make("units", UNITS, read_unit)
        self._places = make("places", PLACES, read_place)
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self.database.execute(f"create table identified ({columns})")
        self.database.execute(
            "create table confidences (notes varchar, confidence varchar)"
        )

    def close(self) -> None:
        """Give the memory back."""
        self.database.close()

    def read_psi(self, rows: Any) -> None:
        """Identify NSW PSI records: `address_hash` and PSI_COLUMNS."""
        import pyarrow as pa  # type: ignore[import-untyped]

        state = pa.repeat(pa.scalar("NSW"), len(rows))
        self._compose(
            PSI_STATEMENT,
            {
                "address_hash": rows["address_hash"],
                "valuer_property_id": rows["valuer_property_id"],
                "street_id": self._streets.ids(rows["street_name"]),
                "number_id": self._numbers.ids(rows["house_number"]),
                "unit_id": self._units.ids(rows["unit_number"]),
                "lot_id": self._units.ids(rows["strata_lot_number"]),
                "place_id": self._places.ids(rows["locality"], state, rows["postcode"]),
            },
        )

    def read_lines(self, rows: Any) -> None:
        """Identify lines of text: `address_hash` and LINE_COLUMNS, hashes unique."""
        self.database.register("lines_given", rows)
        split = self.database.sql(_SPLIT).to_arrow_table()
        self._compose(
            LINE_STATEMENT,
            {
                "address_hash": split["address_hash"],
                "street_id": self._streets.ids(split["street"]),
                "number_id": self._numbers.ids(split["house"]),
                "unit_id": self._units.ids(split["unit"]),
                "place_id": self._places.ids(
                    split["locality"], split["state"], split["postcode"]
                ),
            },
        )
        odd = self.database.sql(_ODD).fetchall()
        self.database.unregister("lines_given")
        self.add(
            (
                key,
                canonical_text(
                    address, locality=locality, state=state, postcode=postcode
                ),
            )
            for key, address, locality, state, postcode in odd
        )

    def add(self, found: Iterable[tuple[str, CanonicalAddress]]) -> None:
        """Add addresses that the library has identified, by their hash."""
        import pyarrow as pa

        rows = [identity_row(key, address) for key, address in found]
        if rows:
            schema = pa.schema(
                (name, pa.int16() if kind == "smallint" else pa.string())
                for name, kind in COLUMNS.items()
            )
            self.database.register("found", pa.Table.from_pylist(rows, schema))
            self.database.execute("insert into identified by name from found")
            self.database.unregister("found")

    def take(self) -> Any:
        """What was identified, as an Arrow table of COLUMNS and `confidence`."""
        self._add_confidences()
        taken = self.database.sql(_WHOLE).to_arrow_table()
        self.database.execute("truncate identified")
        return taken

    def _compose(self, statement: str, columns: dict[str, Any]) -> None:
        import pyarrow as pa

        self.database.register("batch", pa.table(columns))
        self.database.execute(statement)
        self.database.unregister("batch")

    def _add_confidences(self) -> None:
        fresh = self.database.execute(
            "select distinct assumptions from identified where assumptions not in "
            "(select notes from confidences)"
        ).fetchall()
        if fresh:
            self.database.executemany(
                "insert into confidences values (?, ?)",
                [(text, str(_confidence(text))) for (text,) in fresh],
            )


def identity_row(address_hash: str, found: CanonicalAddress) -> dict[str, Any]:
    """The library's answer as a row of `identified`, a parcel's key left out."""
    kind = "parcel" if found.key.endswith("|") else "dwelling"
    return {
        "address_hash": address_hash,
        "property_id": str(found.property_id),
        "address_key": found.key,
        "key_kind": found.key_kind,
        "address": found.address,
        "unit_number": found.unit_number,
        "street_number": found.street_number,
        "street_name": found.street_name,
        "street_type": found.street_type,
        "street_suffix": found.street_suffix,
        "lot_number": found.lot_number,
        "locality": found.locality,
        "state": found.state,
        "postcode": found.postcode,
        "assumptions": ",".join(found.assumptions),
        "rule_version": found.rule_version,
        "parcel_key": None,
        "dwelling_kind": None if found.key_kind == "non_identifying" else kind,
    }


def _confidence(notes: str) -> float:
    return confidence_of(tuple(notes.split(","))) if notes else 1.0
