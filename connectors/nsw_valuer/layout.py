"""Record layouts of PSI files: the current format and the archive of 1990 to 2000.

Belongs here: field order, the pattern a good B record matches, and the diagnosis of one
that does not. Order of records and joins between them are `parse`.

A good record is proved by one pattern match. Only a record that fails it is split and
looked at field by field, to say what is wrong with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

SOURCE = "nsw_valuer"

#: Business columns of a current record in file order, then what the parser adds.
CURRENT_COLUMNS = (
    "district_code",
    "valuer_property_id",
    "sale_counter",
    "downloaded_at",
    "property_name",
    "unit_number",
    "house_number",
    "street_name",
    "locality",
    "postcode",
    "area",
    "area_type",
    "contract_date",
    "settlement_date",
    "purchase_price_aud",
    "zone_code",
    "nature_code",
    "primary_purpose",
    "strata_lot_number",
    "component_code",
    "sale_code",
    "interest_percent",
    "dealing_number",
)
#: What a row of this source holds, in the order of its text.
ROW_COLUMNS = (
    *CURRENT_COLUMNS,
    "valuation_number",
    "dimensions",
    "legal_description",
    "purchaser_count",
    "vendor_count",
    "record_format",
    "_row_hash",
    "_row_number",
)

_TEXT = r"[^;\x00]{0,255}"
_DATE = r"(?:\d{8})?"
_AREA = r"(?:\d{1,8}(?:\.\d{0,4})?|\.\d{1,4})?"
_STAMP = r"\d{8} \d\d:\d\d(?::\d\d)?"

#: Groups: 1 district and property id, 2 sale counter, 3 download time, 4 the business
#: fields behind them, 5 contract date, 6 settlement date, 7 interest.
CURRENT = re.compile(
    rf"B;(\d{{3}};\d{{0,10}};)(\d{{1,9}};)({_STAMP});"
    rf"((?:{_TEXT};){{5}}[^;\x00]{{0,10}};{_AREA};[MH]?;({_DATE});({_DATE});\d{{0,12}};"
    rf"(?:{_TEXT};){{6}}(\d{{0,3}});{_TEXT});?"
)
_ANY = r"[^;\n]*+"
#: A whole sale whose records stand together, up to the next B or Z record: most are so,
#: and are read by this one match. It matches nothing that `CURRENT` refuses for other
#: than the length of a text, nor a text with NUL bytes (a block without specials).
#: Groups: 1 district, property id and counter, 2 the first two of them, 3 download
#: time, 4 the business fields, 5 contract date, 6 settlement date, 7 legal description
#: (None without a C record), 8 the D records.
CLEAN_SALE = re.compile(
    rf"^B;((\d{{3}};\d{{0,10}};)\d{{1,9}};)({_STAMP});"
    rf"({_ANY};{_ANY};{_ANY};{_ANY};{_ANY};[^;\n]{{0,10}};{_AREA};[MH]?;"
    rf"({_DATE});({_DATE});\d{{0,12}};"
    rf"{_ANY};{_ANY};{_ANY};{_ANY};{_ANY};{_ANY};(?:100|\d{{0,2}});{_ANY});?\n"
    rf"(?:C;\1{_ANY};({_ANY});?\n)?+"
    r"((?:D;\1[\d :]*+;[PV];;;;;;\n)*+)(?=[BZ];)",
    re.ASCII | re.MULTILINE,
)
#: The fields a C or D record shares with its B record. The download time is none of
#: them: it moves on to the next minute within a sale.
JOIN_KEY = re.compile(r"[BCD](;[^;]*;[^;]*;[^;]*;)")

ARCHIVE_FIELDS = (
    "record_type",
    "district_code",
    "source",
    "valuation_number",
    "valuer_property_id",
    "unit_number",
    "house_number",
    "street_name",
    "locality",
    "postcode",
    "contract_date",
    "purchase_price_aud",
    "legal_description",
    "area",
    "area_type",
    "dimensions",
    "component_code",
    "zone_code",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a record: which field, which rule, and how to mend it."""

    field: str | None
    rule_id: str
    reason: str
    fix: str


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What a field must look like, for the diagnosis of a record that failed."""

    column: str
    pattern: re.Pattern[str]
    rule_id: str
    expects: str


def _rule(column: str, pattern: str, rule_id: str, expects: str) -> FieldRule:
    return FieldRule(column, re.compile(pattern), rule_id, expects)


_FREE = r"[^\x00]{0,255}"
_RULES: dict[str, FieldRule] = {
    rule.column: rule
    for rule in (
        _rule("district_code", r"\d{3}", "district_code_unreadable", "three digits"),
        _rule(
            "valuer_property_id",
            r"\d{0,10}",
            "valuer_property_id_unreadable",
            "up to ten digits",
        ),
        _rule("sale_counter", r"\d{1,9}", "sale_counter_unreadable", "a line counter"),
        _rule("downloaded_at", _STAMP, "download_time_unreadable", "CCYYMMDD HH24:MI"),
        _rule("postcode", r"[^\x00]{0,10}", "postcode_too_long", "four digits"),
        _rule("area", _AREA, "area_not_numeric", "a number such as 556.4"),
        _rule("area_type", r"[MH]?", "area_type_unknown", "M (m2) or H (hectares)"),
        _rule("contract_date", _DATE, "contract_date_unreadable", "a date as CCYYMMDD"),
        _rule(
            "settlement_date", _DATE, "settlement_date_unreadable", "a date as CCYYMMDD"
        ),
        _rule("purchase_price_aud", r"\d{0,12}", "price_not_numeric", "whole dollars"),
        _rule(
            "interest_percent", r"\d{0,3}", "interest_not_numeric", "0 to 100 or blank"
        ),
    )
}


def diagnose_current(line: str) -> Fault:
    """Say what is wrong with a current B record that did not match `CURRENT`."""
    parts = line.split(";")
    wanted = len(CURRENT_COLUMNS) + 1
    if len(parts) not in (wanted, wanted + 1) or any(parts[wanted:]):
        return field_count_fault(len(parts), wanted + 1)
    for column, value in zip(CURRENT_COLUMNS, parts[1:], strict=False):
        if fault := field_fault(column, value):
            return fault
    return Fault(None, "record_unreadable", "The B record cannot be read.", REISSUE)


REISSUE = (
    "Ask the Valuer General for a re-issued file, or mend the line and load again."
)


def field_count_fault(found: int, wanted: int) -> Fault:
    """A record with too many or too few fields."""
    return Fault(
        None,
        "field_count_wrong",
        f"The B record splits into {found} parts on ';', not {wanted}.",
        "Look for a ';' or a line end inside a field, mend the line and load again.",
    )


def field_fault(column: str, value: str) -> Fault | None:
    """Check one field against its rule; None if it is in order."""
    if "\x00" in value:
        return Fault(
            column,
            "nul_byte",
            f"{column} holds a NUL byte, which text cannot.",
            "Remove the NUL bytes from the file and load it again.",
        )
    if column == "purchase_price_aud" and re.fullmatch(r"-\s*\d+(\.\d*)?", value):
        return Fault(
            column,
            "price_negative",
            f"{column} is negative: {value!r}.",
            "Correct the price in the source and load the file again.",
        )
    rule = _RULES.get(column)
    if rule is None:
        if re.fullmatch(_FREE, value, re.DOTALL):
            return None
        reason = f"{column} is {len(value)} characters long; the limit is 255."
        return Fault(column, "field_too_long", reason, REISSUE)
    if rule.pattern.fullmatch(value):
        return None
    shown = value if len(value) <= 40 else value[:40] + "..."
    reason = f"{column} is {shown!r}; expected {rule.expects}."
    return Fault(column, rule.rule_id, reason, REISSUE)


@dataclass(frozen=True, slots=True)
class DateRule:
    """A date column and its first believable day (CCYYMMDD)."""

    column: str
    first: str = "19000101"


CONTRACT = DateRule("contract_date")
SETTLEMENT = DateRule("settlement_date")


@lru_cache(1 << 16)
def is_day(text: str) -> bool:
    """Whether a text beginning CCYYMMDD is a day. Memoised: there are few distinct."""
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return False
    return True


@lru_cache(1 << 12)
def is_moment(text: str) -> bool:
    """Whether a text of the form `CCYYMMDD HH:MM[:SS]` is a moment."""
    clock = text[9:].split(":")
    in_range = int(clock[0]) < 24 and all(int(part) < 60 for part in clock[1:])
    return in_range and is_day(text[:8])


def date_fault(rule: DateRule, text: str, file_day: str) -> Fault | None:
    """Judge a date of a record issued on `file_day`; None if it is in order."""
    if not text:
        return None
    if not is_day(text):
        return Fault(
            rule.column,
            f"{rule.column}_impossible",
            f"{rule.column} {text} is no day of the calendar.",
            "Correct the date in the source and load the file again.",
        )
    if text < rule.first:
        why = f"before {iso(rule.first)}"
    elif rule is CONTRACT and text > file_day:
        why = f"after {iso(file_day)}, the day the record was issued"
    else:
        return None
    return Fault(
        rule.column,
        f"{rule.column}_out_of_range",
        f"{rule.column} {iso(text)} lies {why}.",
        "A typing error at the source: correct the year, or wait for the corrected "
        "re-issue, and load again.",
    )


def iso(text: str) -> str:
    """CCYYMMDD as CCYY-MM-DD."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"
