"""Identifying addresses by the million: the bulk twin of the `domain` library.

Belongs here: batches of address parts in, canonical addresses out, row for row what
`canonical_psi` and `canonical_text` say. Every distinct part is parsed once in Python
(`identity.dictionaries`); the rest is SQL (`identity.composition`) in DuckDB. Which
addresses are to be identified, and where they are kept, is for `assets/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from domain.address_text import canonical_text
from domain.addresses import CanonicalAddress, confidence_of
from domain.localities import Gazetteer
from identity.composition import COLUMNS, HOME_STATEMENT, PSI_STATEMENT
from identity.dictionaries import (
    FLATS,
    LOTS,
    NAMES,
    NUMBERS,
    PLACES,
    STREETS,
    PartDictionary,
    read_flat,
    read_lot_text,
    read_name,
    read_number,
    read_place,
    read_street,
)
from identity.parts import canonical_parts

#: Columns of the batches each reader takes, beside `address_hash`.
PSI_COLUMNS = (
    *("unit_number", "house_number", "street_name", "locality", "postcode"),
    *("strata_lot_number", "valuer_property_id"),
)
LINE_COLUMNS = ("address", "locality", "state", "postcode")
PART_COLUMNS = (
    *("address", "building_name", "unit_number", "lot_number", "street_number"),
    *("street", "locality", "state", "postcode"),
)

# Lines of one plain form: a unit (by word or slash), a number, a street of words. What
# this takes it takes apart as `canonical_text` does; all else goes there.
_NUMBER = r"[1-9][0-9]{0,4}[A-Z]?(?:-[1-9][0-9]{0,4}[A-Z]?)?"
_PLAIN = (
    r"^(?:(?:UNIT |U ?|FLAT |APARTMENT |APT )?([1-9][0-9]{0,4}[A-Z]?)(?:/|, ))?"
    rf"({_NUMBER}) ([A-Z]{{2,}}(?: [A-Z]+)*)$"
)
# Words that make more of a line than that: corners, boxes, units without a number.
_NOT_PLAIN = (
    r"\b(?:CNR|CORNER|COR|CRN|CRNR|BOX|BAG|CARE|CAR|MARINE|UNIT|APARTMENT|APT|FLAT|"
    r"SUITE|SHOP|VILLA|TOWNHOUSE|PENTHOUSE|LEVEL|LVL|LEV|FLOOR|FLR)\b"
)
_SPLIT = f"""
    select
        address_hash, locality, state, postcode,
        regexp_matches(line.street, '{_NOT_PLAIN}') as is_odd,
        case when not is_odd then line.unit end as unit,
        case when not is_odd then line.number end as number,
        case when not is_odd then line.street end as street
    from (
        select
            *,
            regexp_extract(upper(address), '{_PLAIN}', ['unit', 'number', 'street'])
                as line
        from given
    )
"""  # noqa: S608
_LEFT = "from given where address_hash not in (select address_hash from identified)"
_WHOLE = """
    select identified.*, confidences.confidence
    from identified
    inner join confidences on confidences.notes = identified.assumptions
"""
_UNSEEN = """
    select min(place) as place
    from (select place, address_hash::uuid as address_uuid from batch)
    where address_uuid not in (select address_uuid from seen)
    group by address_uuid
    order by place
"""

#: Columns of `take_copy_text`, in order: those of the identity table.
COPY_COLUMNS = (*COLUMNS, "confidence")
# What COPY's text format would take for something else.
_ODD_CHARACTERS = " or ".join(
    f"contains({column}, chr({code}))"
    for column in ("address_key", "address", "parcel_key")
    for code in (92, 9, 10, 13)
)
_IS_ODD = f"select coalesce(bool_or({_ODD_CHARACTERS}), false) from identified"  # noqa: S608


#: Bytes of COPY text handed out at once.
_WRITTEN_BYTES = 1 << 20


class BulkReader:
    """Identifies batches of addresses; remembers the parts it has met.

    One DuckDB database in memory of `threads` threads and at most `memory`, with what
    does not fit in `folder`. The readers take Arrow tables and add to
    what `take` and `take_copy_text` then hand out, in no order. Not safe for threads.
    """

    def __init__(
        self,
        *,
        gazetteer: Gazetteer | None = None,
        threads: int = 1,
        memory: str = "1GB",
        folder: Path | None = None,
    ) -> None:
        import duckdb

        config = {
            "threads": str(threads),
            "memory_limit": memory,
            "preserve_insertion_order": "false",
        }
        if folder is not None:
            config["temp_directory"] = str(folder)
        self.count = 0
        self._gazetteer = gazetteer
        self.database: Any = duckdb.connect(config=config)
        self.database.execute("set enable_progress_bar = false")  # logs are no terminal
        make = partial(PartDictionary, self.database)
        self._streets = make("streets", STREETS, read_street)
        self._numbers = make("numbers", NUMBERS, read_number)
        self._flats = make("flats", FLATS, read_flat)
        self._lots = make("lots", LOTS, read_lot_text)
        self._names = make("names", NAMES, read_name)
        self._places = make("places", PLACES, partial(read_place, gazetteer))
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self.database.execute(f"create table identified ({columns})")
        self.database.execute(
            "create table confidences (notes varchar, confidence varchar)"
        )
        self.database.execute("create table seen (address_uuid uuid)")

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
                "flat_id": self._flats.ids(rows["unit_number"]),
                "strata_lot_id": self._flats.ids(rows["strata_lot_number"]),
                "place_id": self._places.ids(rows["locality"], state, rows["postcode"]),
            },
        )

    def read_lines(self, rows: Any) -> None:
        """Identify lines of text: `address_hash` (no two alike) and LINE_COLUMNS."""
        with self._given(rows):
            lines = self.database.sql(_SPLIT).to_arrow_table()
            nothing = _nothing(len(lines))
            self._compose_homes(
                lines, nothing, lines["unit"], nothing, lines["number"], lines["street"]
            )
            self._add_left(LINE_COLUMNS, canonical_text)

    def read_parts(self, rows: Any) -> None:
        """Identify addresses in parts: `address_hash` (no two alike), PART_COLUMNS."""
        with self._given(rows):
            self._compose_homes(rows, *(rows[name] for name in PART_COLUMNS[1:6]))
            self._add_left(PART_COLUMNS, canonical_parts)

    def _compose_homes(
        self, rows: Any, building: Any, unit: Any, lot: Any, number: Any, street: Any
    ) -> None:
        places = self._places.ids(rows["locality"], rows["state"], rows["postcode"])
        self._compose(
            HOME_STATEMENT,
            {
                "address_hash": rows["address_hash"],
                "street_id": self._streets.ids(street),
                "number_id": self._numbers.ids(number),
                "flat_id": self._flats.ids(unit),
                "lot_id": self._lots.ids(lot),
                "building_id": self._names.ids(building),
                "place_id": places,
            },
        )

    @contextmanager
    def _given(self, rows: Any) -> Iterator[None]:
        self.database.register("given", rows)
        yield
        self.database.unregister("given")

    def _add_left(
        self, columns: Sequence[str], identify: Callable[..., CanonicalAddress]
    ) -> None:
        """Have the library identify what no statement did, row by row."""
        query = f"select address_hash, {', '.join(columns)} {_LEFT}"
        rows = self.database.execute(query).fetchall()
        parts = (dict(zip(columns, row[1:], strict=True)) for row in rows)
        self.add(
            identity_row(row[0], identify(**given), self._locality_id(given))
            for row, given in zip(rows, parts, strict=True)
        )

    def _locality_id(self, parts: dict[str, str | None]) -> str | None:
        if self._gazetteer is None:
            return None
        asked = (parts["locality"], parts["state"], parts["postcode"])
        return self._gazetteer.resolve(*asked).locality_id

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add addresses that the library has identified, as `identity_row` gives."""
        import pyarrow as pa

        found = list(rows)
        if found:
            schema = pa.schema(
                (name, pa.int16() if kind == "smallint" else pa.string())
                for name, kind in COLUMNS.items()
            )
            self.database.register("found", pa.Table.from_pylist(found, schema))
            self.database.execute("insert into identified by name from found")
            self.database.unregister("found")

    def take(self) -> Any:
        """What was identified, as an Arrow table of COLUMNS and `confidence`."""
        self._add_confidences()
        taken = self.database.sql(_WHOLE).to_arrow_table()
        self.database.execute("truncate identified")
        return taken

    def take_copy_text(
        self, *front: str, columns: Sequence[str] = COPY_COLUMNS
    ) -> Iterator[memoryview]:
        """What was identified, as text for PostgreSQL's COPY.

        Each line holds the plain texts of `front`, then the columns.
        """
        self._add_confidences()
        ((is_odd,),) = self.database.execute(_IS_ODD).fetchall()
        lines = self.database.sql(
            _copy_statement(front, columns, is_odd)
        ).to_arrow_table()
        self.database.execute("truncate identified")
        for chunk in lines["line"].chunks:
            # The texts of a column stand one behind the other: lines, as COPY wants.
            _, offsets, data = chunk.buffers()
            places = memoryview(offsets).cast("i")
            first, last = places[chunk.offset], places[chunk.offset + len(chunk)]
            text = memoryview(data)[first:last]
            for start in range(0, len(text), _WRITTEN_BYTES):
                yield text[start : start + _WRITTEN_BYTES]

    def unseen(self, rows: Any) -> Any:
        """One row of each `address_hash` that no batch had before this one.

        `count` is how many there have been.
        """
        import numpy as np
        import pyarrow as pa

        places = np.arange(len(rows), dtype=np.int32)
        hashes = {"address_hash": rows["address_hash"], "place": places}
        self.database.register("batch", pa.table(hashes))
        first = self.database.sql(_UNSEEN).to_arrow_table()["place"]
        self.database.unregister("batch")
        fresh = rows.take(first)
        self.database.register("batch", fresh.select(["address_hash"]))
        self.database.execute("insert into seen select address_hash::uuid from batch")
        self.database.unregister("batch")
        self.count += len(fresh)
        return fresh

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


def identity_row(
    address_hash: str,
    found: CanonicalAddress,
    locality_id: str | None = None,
    parcel_key: str | None = None,
) -> dict[str, Any]:
    """The library's answer as a row of `identified`."""
    kind = "parcel" if found.key.endswith("|") else "dwelling"
    return {
        "address_hash": address_hash,
        "property_id": str(found.property_id),
        "address_key": found.key,
        "key_kind": found.key_kind,
        "address": found.address,
        "unit_number": found.unit_number,
        "level_number": found.level_number,
        "building_name": found.building_name,
        "street_number": found.street_number,
        "street_name": found.street_name,
        "street_type": found.street_type,
        "street_type_code": found.street_type_code,
        "street_suffix": found.street_suffix,
        "lot_number": found.lot_number,
        "locality": found.locality,
        "locality_id": locality_id,
        "state": found.state,
        "postcode": found.postcode,
        "assumptions": ",".join(found.assumptions),
        "rule_version": found.rule_version,
        "parcel_key": parcel_key,
        "dwelling_kind": None if found.key_kind == "non_identifying" else kind,
    }


def _nothing(rows: int) -> Any:
    import pyarrow as pa

    return pa.nulls(rows, pa.string())


def _copy_statement(front: Sequence[str], columns: Sequence[str], is_odd: bool) -> str:
    texts = [f"'{text}'" for text in front]
    for column in columns:
        kind = COLUMNS.get(column, "varchar")
        text = column if kind == "varchar" else f"{column}::varchar"
        if column == "assumptions":
            text = "'{' || assumptions || '}'"
        elif is_odd and kind == "varchar":
            for code, escaped in ((92, r"\\"), (9, r"\t"), (10, r"\n"), (13, r"\r")):
                text = f"replace({text}, chr({code}), '{escaped}')"
        texts.append(rf"coalesce({text}, '\N')")
    # One function of all texts: a chain of || would copy the line once a column.
    texts[-1] = f"{texts[-1]} || chr(10)"
    line = f"concat_ws(chr(9), {', '.join(texts)}) as line"
    return _WHOLE.replace("identified.*, confidences.confidence", line)


def _confidence(notes: str) -> float:
    return confidence_of(tuple(notes.split(","))) if notes else 1.0
