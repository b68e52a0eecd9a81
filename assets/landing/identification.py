"""Giving every distinct address received its canonical form and stable property id.

Belongs here: which address texts are new under the current rules, and writing their
identities. The rules are `domain.addresses` and `domain.address_text`. No Dagster here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from database.raw_loading import end_transaction
from domain.address_text import canonical_text
from domain.addresses import RULE_VERSION, CanonicalAddress, canonical_psi
from domain.errors import PermanentError

_Row = tuple[Any, ...]

#: Addresses read and written at once.
_PAGE = 20_000

_COLUMNS = (
    "source, address_hash, property_id, address_key, key_kind, address, unit_number, "
    "street_number, street_name, street_type, street_suffix, lot_number, locality, "
    "state, postcode, confidence, assumptions, rule_version"
)


@dataclass(frozen=True, slots=True)
class _AddressSource:
    """Where a source's address parts are, and how they are read."""

    table: str
    parts: str
    read: Callable[..., CanonicalAddress]


def _read_psi(
    unit: str | None,
    house: str | None,
    street: str | None,
    locality: str | None,
    postcode: str | None,
    strata_lot: str | None,
    valuer_property_id: str | None,
) -> CanonicalAddress:
    return canonical_psi(
        unit=unit,
        house=house,
        street=street,
        locality=locality,
        postcode=postcode,
        strata_lot=strata_lot,
        valuer_property_id=valuer_property_id,
    )


def _read_csv(
    address: str | None, locality: str | None, state: str | None, postcode: str | None
) -> CanonicalAddress:
    return canonical_text(address, locality=locality, state=state, postcode=postcode)


_SOURCES: dict[str, _AddressSource] = {
    "nsw_valuer": _AddressSource(
        "raw.nsw_valuer__sales",
        "unit_number, house_number, street_name, locality, postcode, "
        "strata_lot_number, valuer_property_id",
        _read_psi,
    ),
    "csv": _AddressSource(
        "raw.csv__sales", "address, locality, state, postcode", _read_csv
    ),
}


def identify_addresses(conn: psycopg.Connection, source: str) -> int:
    """Identify the address texts of `source` not yet known under the current rules.

    Returns the number of texts identified. One transaction: either all of them are
    written or none. Two runs at once take turns.

    Raises:
        PermanentError: `source` is not one with addresses.
    """
    if source not in _SOURCES:
        raise PermanentError(
            f"No source is called {source!r}; known are {', '.join(_SOURCES)}."
        )
    end_transaction(conn)
    with conn.transaction():
        conn.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"ausproperty.identity.{source}"],
        )
        conn.execute(
            "create temporary table new_identity "
            "(like intermediate.int_address__identity) on commit drop"
        )
        count = _copy_new(conn, source)
        if count:
            _merge(conn)
    return count


def _copy_new(conn: psycopg.Connection, source: str) -> int:
    rules = _SOURCES[source]
    count = 0
    with conn.cursor(name="new_addresses") as reader:
        reader.itersize = _PAGE
        # One row per hash: equal hashes have equal parts, any of them will do.
        reader.execute(
            f"select distinct on (_address_hash) _address_hash::text, {rules.parts} "  # noqa: S608
            f"from {rules.table} raw where not exists ("
            "select 1 from intermediate.int_address__identity known "
            "where known.source = %s and known.address_hash = raw._address_hash "
            "and known.rule_version = %s)",
            [source, RULE_VERSION],
        )
        while page := reader.fetchmany(_PAGE):
            count += len(page)
            with (
                conn.cursor() as writer,
                writer.copy(f"copy new_identity ({_COLUMNS}) from stdin") as copy,
            ):
                copy.write("".join(_lines(source, rules, page)))
    return count


def _lines(source: str, rules: _AddressSource, page: list[_Row]) -> Iterator[str]:
    """Lines of COPY text. Canonical parts hold no tab or line end by nature."""
    read = rules.read
    for row in page:
        found = read(*row[1:])
        notes = ",".join(found.assumptions)
        yield (
            f"{source}\t{row[0]}\t{found.property_id}\t{_text(found.key)}\t"
            f"{found.key_kind}\t{_text(found.address)}\t{_text(found.unit_number)}\t"
            f"{_text(found.street_number)}\t{_text(found.street_name)}\t"
            f"{_text(found.street_type)}\t{_text(found.street_suffix)}\t"
            f"{_text(found.lot_number)}\t{_text(found.locality)}\t{_text(found.state)}\t"
            f"{_text(found.postcode)}\t{found.confidence}\t{{{notes}}}\t"
            f"{found.rule_version}\n"
        )


def _text(value: str | None) -> str:
    if value is None:
        return "\\N"
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    return value


def _merge(conn: psycopg.Connection) -> None:
    conn.execute(
        f"insert into intermediate.int_address__identity ({_COLUMNS}) "  # noqa: S608
        f"select {_COLUMNS} from new_identity "
        "on conflict (source, address_hash) do update set "
        + ", ".join(
            f"{name} = excluded.{name}"
            for name in map(str.strip, _COLUMNS.split(","))
            if name not in ("source", "address_hash")
        )
    )
    conn.execute("analyze intermediate.int_address__identity")
