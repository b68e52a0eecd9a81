"""Prices that a consumer says were paid: a small CSV, read row by row.

Belongs here: what a row must say, and a refusal with file, line, field and fix where it
does not. Whether the home is known, what the price is worth and how many rows a source
may send is decided where they are kept (`ml.actuals`).
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.address_text import canonical_line
from domain.errors import UserError
from domain.records import Original, Reject

#: Names of columns; `reference` may be missing, and so may one of the first two.
COLUMNS = ("property_id", "address", "price", "contract_date", "reference")
MAX_BYTES = 20_000_000
#: Below this a price is a token sum, above it a slip of the hand.
PRICE_LOW_AUD, PRICE_HIGH_AUD = 10_000, 1_000_000_000
_FIRST_DAY = date(1980, 1, 1)
_MAX_REFERENCE = 200
_PRICE = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3})+|\d+)(?:\.0+)?")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,49}")


@dataclass(frozen=True, slots=True)
class Actual:
    """One row: who says that this home was contracted at this price on this day.

    `reference` is the source's own name of the deal; without one it is home and day.
    `property_id` may be that of a home merged into another.
    """

    line: int
    reference: str
    property_id: UUID
    price_aud: int
    contract_date: date
    original: Original


@dataclass(frozen=True, slots=True)
class ActualsFile:
    """A file as it was read: rows and refusals in the order of their lines."""

    name: str
    sha256: str
    rows: tuple[Actual | Reject, ...]


def checked_source(name: str) -> str:
    """The name of a source, fit for a limit of its own.

    Raises:
        UserError: it is not made of lower-case letters, digits, dots and dashes.
    """
    if not _SOURCE.fullmatch(name):
        raise UserError(
            f"{name!r} is no name of a source: use up to 50 lower-case letters, "
            "digits, dots, dashes and underscores, such as smith-realty."
        )
    return name


def reject_source(source: str) -> str:
    """Name under which a source's refused rows stand in the quarantine."""
    return f"actuals:{source}"


def read_actuals(data: bytes, name: str, source: str, today: date) -> ActualsFile:
    """Read a file's bytes; `today` is the last day a contract can have.

    Raises:
        UserError: it is too large, no UTF-8 text, or lacks a column that it needs.
    """
    if len(data) > MAX_BYTES:
        raise UserError(
            f"{name} has {len(data):,} bytes, more than {MAX_BYTES:,}: split it."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{name} is no UTF-8 text (byte {error.start}): save it as CSV UTF-8."
        ) from None
    rows = tuple(_Reader(name, source, today).read(text))
    return ActualsFile(name, hashlib.sha256(data).hexdigest(), rows)


class _RefusedError(Exception):
    """A row that cannot be used: field, rule, what was found, what to do."""


class _Reader:
    def __init__(self, name: str, source: str, today: date) -> None:
        self._name = name
        self._source = source
        self._today = today
        self._seen: dict[str, tuple[object, ...]] = {}

    def read(self, text: str) -> Iterator[Actual | Reject]:
        lines = list(io.StringIO(text, newline=""))
        rows = csv.reader(lines)
        header = self._header(next(rows, []))
        before = rows.line_num
        for cells in rows:
            # A quoted cell may hold line ends: a row is where it begins.
            line, before = before + 1, rows.line_num
            if not any(cell.strip() for cell in cells):
                continue
            original = Original.of("".join(lines[line - 1 : before]).rstrip("\r\n"))
            try:
                yield self._actual(line, header, cells, original)
            except _RefusedError as refused:
                field, rule, reason, fix = refused.args
                yield Reject(
                    reject_source(self._source),
                    self._name,
                    line,
                    field,
                    rule,
                    reason,
                    fix,
                    original,
                )

    def _header(self, cells: list[str]) -> list[str]:
        names = [cell.strip().lower() for cell in cells]
        missing = [name for name in ("price", "contract_date") if name not in names]
        if not {"property_id", "address"} & set(names):
            missing.insert(0, "property_id or address")
        if missing or len(set(names)) < len(names):
            wrong = f"lacks {', '.join(missing)}" if missing else "repeats a column"
            raise UserError(
                f"{self._name}, line 1: the header {wrong}. Columns are "
                f"{', '.join(COLUMNS)}; reference and one of the first two may be "
                "missing."
            )
        return names

    def _actual(
        self, line: int, header: list[str], cells: list[str], original: Original
    ) -> Actual:
        if len(cells) != len(header):
            raise _RefusedError(
                None,
                "actual_columns",
                f"The row has {len(cells)} cells, the header {len(header)}.",
                "Quote cells that hold a comma.",
            )
        told = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        home = _home(told)
        price = _price(told["price"])
        day = self._day(told["contract_date"])
        reference = told.get("reference") or f"{home}|{day}"
        if len(reference) > _MAX_REFERENCE:
            raise _RefusedError(
                "reference",
                "actual_reference",
                f"The reference has {len(reference)} characters.",
                f"Use at most {_MAX_REFERENCE}.",
            )
        content = (home, price, day)
        if self._seen.setdefault(reference, content) != content:
            raise _RefusedError(
                "reference",
                "actual_twice",
                f"The reference {reference!r} stands above with other facts.",
                "Send each deal once, with a reference of its own.",
            )
        return Actual(line, reference, home, price, day, original)

    def _day(self, text: str) -> date:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise _RefusedError(
                "contract_date",
                "actual_date",
                f"{text!r} is no day." if text else "The contract date is missing.",
                "Write the day of the contract as 2024-03-31.",
            ) from None
        if not _FIRST_DAY <= day <= self._today:
            when = "after today" if day > self._today else f"before {_FIRST_DAY}"
            raise _RefusedError(
                "contract_date",
                "actual_date",
                f"The contract date {day} lies {when}.",
                "Give the day on which the contract was exchanged.",
            )
        return day


def _home(told: Mapping[str, str]) -> UUID:
    if text := told.get("property_id"):
        try:
            return UUID(text)
        except ValueError:
            raise _RefusedError(
                "property_id",
                "actual_property",
                f"{text!r} is no property id.",
                "Use the property_id that predictions carry, or give the address.",
            ) from None
    text = told.get("address", "")
    if not text:
        raise _RefusedError(
            "address" if "address" in told else "property_id",
            "actual_property",
            "The row names no home.",
            "Give a property_id or an address.",
        )
    read = canonical_line(text)
    if read.key_kind == "non_identifying":
        raise _RefusedError(
            "address",
            "actual_property",
            f"{text!r} names no home.",
            "Give number, street, suburb and state, as 3/12 Smith St, Richmond VIC "
            "3121.",
        )
    return read.property_id


def _price(text: str) -> int:
    found = _PRICE.fullmatch(text)
    if found is None:
        raise _RefusedError(
            "price",
            "actual_price",
            f"{text!r} is no price." if text else "The price is missing.",
            "Write whole dollars, as 1250000.",
        )
    price = int(found[1].replace(",", ""))
    if not PRICE_LOW_AUD <= price <= PRICE_HIGH_AUD:
        raise _RefusedError(
            "price",
            "actual_price",
            f"A price of {price:,} AUD is no market price of a home.",
            f"Send prices from {PRICE_LOW_AUD:,} to {PRICE_HIGH_AUD:,} AUD.",
        )
    return price
