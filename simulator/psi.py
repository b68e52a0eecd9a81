"""The made-up market in the exact weekly format of the NSW Property Sales Information.

Here: records, .DAT files, weekly ZIPs and yearly ZIPs of weekly ZIPs, byte-identical
for one seed. Elsewhere: which rows a week holds (`psi_rows`) and how the files are
served and damaged (`server`, `faults`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date
from typing import IO, Final

from simulator.geography import unit_interval
from simulator.market import Market
from simulator.psi_rows import PsiRow, Shares, rows_of_week

LICENCE_MEMBER: Final = "creative_commons.txt"
_LEGAL_WIDTH: Final = 70
_LICENCE_TEXT: Final = (
    "Made-up data\r\n\r\n"
    "The sales in this file never happened. They were invented by the simulator of\r\n"
    "ausproperty to show and test the reading of weekly sales files, and carry no\r\n"
    "rights of anybody. Do not mix them with real sales.\r\n"
)


def weekly_name(monday: date) -> str:
    """File name of a week: `20240617.zip`."""
    return f"{monday:%Y%m%d}.zip"


def weekly_zip(market: Market, week: int, shares: Shares | None = None) -> bytes:
    """The ZIP published in week number `week`, one .DAT a district with sales."""
    monday = market.monday(week)
    by_district: dict[str, list[PsiRow]] = {}
    for row in rows_of_week(market, week, shares):
        by_district.setdefault(row.district, []).append(row)
    members = [(LICENCE_MEMBER, _LICENCE_TEXT.encode("ascii"))]
    for district in sorted(by_district):
        rows = sorted(by_district[district], key=_file_order)
        name = f"{district}_SALES_DATA_NNME_{monday:%d%m%Y}.DAT"
        minute = int(unit_interval(market.size.seed, week, district) * 30)
        stamp = f"{monday:%Y%m%d} 01:{5 + minute:02d}"
        members.append((name, dat_file(district, stamp, rows)))
    buffer = io.BytesIO()
    write_zip(buffer, members, monday)
    return buffer.getvalue()


def yearly_zip(
    market: Market, year: int, target: IO[bytes], shares: Shares | None = None
) -> int:
    """Write the ZIP of a year's weekly ZIPs to `target`; returns how many it holds."""
    weeks = weeks_of_year(market, year)
    members = (
        (weekly_name(market.monday(week)), weekly_zip(market, week, shares))
        for week in weeks
    )
    write_zip(target, members, date(year, 12, 31), compress=False)
    return len(weeks)


def weeks_of_year(market: Market, year: int) -> list[int]:
    """Numbers of the weeks published in a calendar year."""
    weeks = range(market.size.weeks)
    return [week for week in weeks if market.monday(week).year == year]


def dat_file(district: str, stamp: str, rows: Iterable[PsiRow]) -> bytes:
    """One district's file: A, then B, C and D records by sale, then the Z counts."""
    counts = {"B": 0, "C": 0, "D": 0}
    lines = [f"A;RTSALEDATA;{district};{stamp};VALNET;"]
    for counter, row in enumerate(rows, start=1):
        for line in _sale_records(row, counter, stamp):
            counts[line[0]] += 1
            lines.append(line)
    total = len(lines) + 1
    lines.append(f"Z;{total};{counts['B']};{counts['C']};{counts['D']};")
    return ("\n".join(lines) + "\n").encode("ascii")


def write_zip(
    target: IO[bytes],
    members: Iterable[tuple[str, bytes]],
    day: date,
    *,
    compress: bool = True,
) -> None:
    """A ZIP whose bytes depend on names, contents and `day` alone."""
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w", method, compresslevel=6) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, (day.year, day.month, day.day, 2, 0, 0))
            info.compress_type = method
            info.create_system = 3  # else it names the writer's operating system
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)


def _file_order(row: PsiRow) -> tuple[object, ...]:
    return (row.property_id, row.strata_lot, row.dealing, row.sale_code)


def _sale_records(row: PsiRow, counter: int, stamp: str) -> Iterator[str]:
    key = f"{row.district};{row.property_id or ''};{counter};{stamp}"
    yield (
        f"B;{key};{row.property_name};{row.unit};{row.house_number};{row.street};"
        f"{row.locality};{row.postcode};{row.area};{row.area_type};"
        f"{row.contract_date};{row.settlement_date};{row.price};{row.zone};"
        f"{row.nature};{row.purpose};{row.strata_lot};{row.component};"
        f"{row.sale_code};{row.interest};{row.dealing};"
    )
    for start in range(0, len(row.legal), _LEGAL_WIDTH):
        yield f"C;{key};{row.legal[start : start + _LEGAL_WIDTH]};"
    for party, count in (("P", row.purchasers), ("V", row.vendors)):
        for _ in range(count):
            yield f"D;{key};{party};;;;;;"
