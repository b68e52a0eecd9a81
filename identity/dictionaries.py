"""Dictionaries of address parts: every distinct text is parsed once, in Python.

Belongs here: turning a column of part texts into ids of a DuckDB table that holds what
the pure functions of `domain` read in each text. Putting parts together, millions of
rows at a time, is `identity.bulk`. A country has few streets, numbers and suburbs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from domain.address_parts import (
    HouseNumber,
    clean,
    parse_flat,
    parse_number,
    parse_street,
    title,
)
from domain.address_places import make_place
from domain.localities import Gazetteer
from identity.parts import read_lot

Values = tuple[Any, ...]


class PartDictionary:
    """What is read in the texts of one kind of part, as a table of a DuckDB database.

    `read` gets the texts (None for a missing one) and gives the values of `columns`,
    which are DuckDB types by name. The table has the primary column `id` besides.
    """

    def __init__(
        self,
        database: Any,
        name: str,
        columns: Mapping[str, str],
        read: Callable[..., Values],
    ) -> None:
        self.name = name
        self._database = database
        self._columns = columns
        self._read = read
        self._ids: dict[Values, int] = {}
        typed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        database.execute(f"create table {name} (id integer, {typed})")

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, *texts: Any) -> Any:
        """Ids (a NumPy array of int32) of rows whose parts stand in these columns.

        The columns are Arrow arrays of equal length. Parts not met before are read and
        added to the table.
        """
        import numpy as np

        codes, distinct = _distinct_rows([_encoded(text) for text in texts])
        known = self._ids
        fresh = list(dict.fromkeys(one for one in distinct if one not in known))
        if fresh:
            first = len(known)
            known.update(zip(fresh, range(first, first + len(fresh)), strict=True))
            self._add(first, fresh)
        ids = np.fromiter(
            (known[parts] for parts in distinct), np.int32, count=len(distinct)
        )
        return ids[codes]

    def _add(self, first: int, fresh: Sequence[Values]) -> None:
        import numpy as np
        import pyarrow as pa  # type: ignore[import-untyped]

        read = self._read
        rows = [read(*parts) for parts in fresh]
        columns = list(zip(*rows, strict=True))
        table = pa.table(
            {
                "id": np.arange(first, first + len(fresh), dtype=np.int32),
                **{
                    name: pa.array(
                        column, pa.bool_() if kind == "boolean" else pa.string()
                    )
                    for (name, kind), column in zip(
                        self._columns.items(), columns, strict=True
                    )
                },
            }
        )
        self._database.register("fresh_parts", table)
        self._database.execute(f"insert into {self.name} select * from fresh_parts")  # noqa: S608
        self._database.unregister("fresh_parts")


def _encoded(column: Any) -> tuple[Any, list[str | None]]:
    """Codes of a column's texts and the texts by code; empty is the same as missing."""
    import numpy as np

    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    coded = column.dictionary_encode(null_encoding="encode")
    texts = [text or None for text in coded.dictionary.to_pylist()]
    return np.asarray(coded.indices), texts


def _distinct_rows(
    columns: Sequence[tuple[Any, list[str | None]]],
) -> tuple[Any, list[Values]]:
    """Code of each row's combination of texts, and the combinations by code."""
    import numpy as np
    import pyarrow as pa

    codes, texts = columns[0]
    distinct: list[Values] = [(text,) for text in texts]
    for more, more_texts in columns[1:]:
        both = codes.astype(np.int64) * len(more_texts) + more
        coded = pa.array(both).dictionary_encode()
        pairs = np.asarray(coded.dictionary)
        distinct = [
            (*distinct[pair // len(more_texts)], more_texts[pair % len(more_texts)])
            for pair in pairs.tolist()
        ]
        codes = np.asarray(coded.indices)
    return codes, distinct


def _texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "varchar")


STREETS: Mapping[str, str] = _texts(
    *("name", "type", "type_code", "suffix", "key", "display"),
    *("building", "building_shown", "site", "notes"),
)
NUMBERS: Mapping[str, str] = _texts("number", "unit", "unit_shown", "lot", "notes")
FLATS: Mapping[str, str] = _texts("key", "shown", "number", "level")
LOTS: Mapping[str, str] = _texts("lot")
NAMES: Mapping[str, str] = _texts("name")
PLACES: Mapping[str, str] = {
    **_texts("locality", "locality_id", "state", "postcode", "key", "display", "notes"),
    "is_known": "boolean",
}


def read_street(text: str | None) -> Values:
    """A row of STREETS; all null where there is no street."""
    way = parse_street(text) if text else None
    if way is None:
        return (None,) * len(STREETS)
    return (
        *(way.name, way.type, way.type_code, way.suffix, way.key, way.display),
        *(way.building, title(way.building) if way.building else None),
        *(way.site, notes_text(way.assumptions)),
    )


def read_number(text: str | None) -> Values:
    """A row of NUMBERS."""
    found = parse_number(text) if text else HouseNumber()
    shown = title(found.unit) if found.unit else None
    return found.number, found.unit, shown, found.lot, notes_text(found.assumptions)


def read_flat(text: str | None) -> Values:
    """A row of FLATS; also for strata lots."""
    flat = parse_flat(text) if text else None
    if flat is None:
        return None, None, None, None
    return flat.key, title(flat.key), flat.number, flat.level


def read_place(
    gazetteer: Gazetteer | None,
    locality: str | None,
    state: str | None,
    postcode: str | None,
) -> Values:
    """A row of PLACES."""
    place = make_place(locality, state, postcode)
    where = gazetteer.resolve(locality, state, postcode) if gazetteer else None
    return (
        *(place.locality or None, where.locality_id if where else None),
        *(place.state, place.postcode, place.key, place.display),
        *(notes_text(place.assumptions), place.is_known),
    )


def read_lot_text(text: str | None) -> Values:
    """A row of LOTS."""
    return (read_lot(text),)


def read_name(text: str | None) -> Values:
    """A row of NAMES: what a building is called."""
    return ((clean(text) or None) if text else None,)


def notes_text(assumptions: Sequence[str]) -> str | None:
    """Assumptions as one text, comma between them; None for none."""
    return ",".join(assumptions) or None
