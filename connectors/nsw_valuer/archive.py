"""Second pass over a PSI file of the archive format of 1990 to 2000.

Belongs here: what its B records hold. All else is as in the current format: `parse`.
"""

from __future__ import annotations

import re
from hashlib import md5

from connectors.nsw_valuer.layout import (
    ARCHIVE_FIELDS,
    CURRENT_COLUMNS,
    Fault,
    field_count_fault,
    field_fault,
)
from connectors.nsw_valuer.parse import LEGAL_LIMIT, CurrentReader
from domain.records import escape_value

_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[/.-](\d\d)[/.-](\d\d)", re.ASCII)


class ArchiveReader(CurrentReader):
    """Reads the archive format of 1990 to 2000: one B record a sale, nothing joined."""

    record_format = "archive"

    def _open(self, line: str, special: bool) -> None:
        parts = line.split(";")
        wanted = len(ARCHIVE_FIELDS)
        if len(parts) < wanted or any(parts[wanted:]):
            self._refuse(line, field_count_fault(len(parts), wanted + 4))
            return
        record = dict(zip(ARCHIVE_FIELDS, parts, strict=False))
        stamp = self.downloaded_at or ""
        record["contract_date"] = _compact_date(record["contract_date"])
        fault = self._record_fault(record) or self._judge(
            stamp, record["contract_date"], "", ""
        )
        if fault is not None:
            self._refuse(line, fault)
            return
        # Both date forms circulate: the same sale is the same content in either.
        parts[10] = record["contract_date"]
        business = ";".join(parts[1:2] + parts[3:wanted])
        digest = md5(f"archive;{business}".encode("latin-1"), usedforsecurity=False)
        record["downloaded_at"] = stamp
        # Archive records have no counter of their own: the line number is one.
        record["sale_counter"] = str(self.number)
        if special:
            record = {name: escape_value(value) for name, value in record.items()}
        fields = [record.get(name, "") for name in CURRENT_COLUMNS]
        fields += [record["valuation_number"], record["dimensions"]]
        self._body = ";".join(fields)
        self._legal = record["legal_description"]
        self._hash = digest.hexdigest()
        self._line = self.number

    def _record_fault(self, record: dict[str, str]) -> Fault | None:
        for name in ARCHIVE_FIELDS[1:]:
            value = record[name]
            if name == "legal_description" and len(value) <= LEGAL_LIMIT:
                value = value[:200] if "\x00" not in value else value
            if fault := field_fault(name, value):
                return fault
        return None


def _compact_date(text: str) -> str:
    """`20/11/1990` as `19901120`; other text unchanged, for the date rule to judge."""
    if found := _DAY_FIRST.fullmatch(text):
        return f"{found[3]}{found[2]:0>2}{found[1]:0>2}"
    if found := _YEAR_FIRST.fullmatch(text):
        return f"{found[1]}{found[2]}{found[3]}"
    return text
