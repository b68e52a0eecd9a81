"""Made-up reference files in the publishers' layouts, workbooks included."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import date
from pathlib import Path

Cell = str | int | float | date | None
Rows = Sequence[Sequence[Cell]]

GNAF_HEADER = (
    "ADDRESS_DETAIL_PID|DATE_CREATED|ADDRESS_LABEL|ADDRESS_SITE_NAME|BUILDING_NAME|"
    "FLAT_TYPE|FLAT_NUMBER|LEVEL_TYPE|LEVEL_NUMBER|NUMBER_FIRST|NUMBER_LAST|LOT_NUMBER|"
    "STREET_NAME|STREET_TYPE|STREET_SUFFIX|LOCALITY_NAME|STATE|POSTCODE|"
    "LEGAL_PARCEL_ID|MB_CODE|ALIAS_PRINCIPAL|PRINCIPAL_PID|PRIMARY_SECONDARY|"
    "PRIMARY_PID|GEOCODE_TYPE|LONGITUDE|LATITUDE"
)
GNAF_NAMES = GNAF_HEADER.split("|")


def gnaf_row(pid: str, **cells: str) -> dict[str, str]:
    row = dict.fromkeys(GNAF_NAMES, "") | {
        "ADDRESS_DETAIL_PID": pid,
        "DATE_CREATED": "2004-04-29",
        "ADDRESS_LABEL": "106 EXAMPLE STREET, ALDRENBURY NSW 2005",
        "NUMBER_FIRST": "106",
        "STREET_NAME": "EXAMPLE",
        "STREET_TYPE": "STREET",
        "LOCALITY_NAME": "ALDRENBURY",
        "STATE": "NSW",
        "POSTCODE": "2005",
        "LEGAL_PARCEL_ID": "1/2/DP3",
        "MB_CODE": "10999999910",
        "ALIAS_PRINCIPAL": "P",
        "GEOCODE_TYPE": "PROPERTY CENTROID",
        "LONGITUDE": "150.58",
        "LATITUDE": "-32.62",
    }
    return row | cells


def gnaf_text(
    rows: Sequence[dict[str, str]], names: Sequence[str] = GNAF_NAMES
) -> bytes:
    lines = ["|".join(names), *("|".join(row[n] for n in names) for row in rows)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def localities_csv(*rows: tuple[str, str, str], status: str = "") -> str:
    """(postcode, locality, state) as a list of the community layout."""
    places = {"NSW": ("150.58", "-32.62"), "VIC": ("144.52", "-36.94")}
    lines = ["ID,Postcode,Locality,State,Long,Lat,Type,Status,SA1 CODE 2021"]
    for number, (postcode, name, state) in enumerate(rows):
        east, south = places.get(state, ("0", "0"))
        kind = "Delivery Area"
        lines.append(
            f"{number},{postcode},{name},{state},{east},{south},{kind},{status},"
            "10102100701"
        )
    return "\n".join(lines) + "\n"


def land_values_csv(
    *properties: int, district: str = "135", value: int = 500000
) -> str:
    header = (
        "DISTRICT CODE,DISTRICT NAME,PROPERTY ID,PROPERTY TYPE,PROPERTY NAME,"
        "UNIT NUMBER,HOUSE NUMBER,STREET NAME,SUBURB NAME,POSTCODE,"
        "PROPERTY DESCRIPTION,ZONE CODE,AREA,AREA TYPE,BASE DATE 1,LAND VALUE 1,"
        "AUTHORITY 1,BASIS 1,BASE DATE 2,LAND VALUE 2,AUTHORITY 2,BASIS 2,"
    )
    lines = [header]
    lines += [
        f'{district},AUBURN,{number},NORMAL,"",,6,"FIRST ST","LIDCOMBE",2141,'
        f'"1, 2, CP/SP{number}",R2,608.1,M,01/07/2016,{value},14A(1),6A(1),'
        "01/07/2015,,,,"
        for number in properties
    ]
    return "\r\n".join(lines) + "\r\n"


def write_xlsx(path: Path, sheets: dict[str, Rows]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def write_xls(path: Path, rows: Rows) -> Path:
    """One sheet in the old binary format (BIFF8 in an OLE container), values only."""
    globals_ = _record(0x0809, struct.pack("<HHHHII", 0x0600, 5, 0, 0, 0, 0))
    name = b"Sheet1"
    place = len(globals_) + 4 + 8 + len(name) + 4
    globals_ += _record(0x0085, struct.pack("<IBBBB", place, 0, 0, len(name), 0) + name)
    globals_ += _record(0x000A, b"")
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x10, 0, 0, 0, 0))
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, str) and cell:
                text = cell.encode("utf-16-le")
                body = struct.pack("<HHHHB", at, column, 0, len(cell), 1) + text
                sheet += _record(0x0204, body)
            elif isinstance(cell, int | float):
                sheet += _record(0x0203, struct.pack("<HHHd", at, column, 0, cell))
    stream = globals_ + sheet + _record(0x000A, b"")
    path.write_bytes(_ole(stream))
    return path


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _ole(stream: bytes) -> bytes:
    """A container with one stream `Workbook`: FAT, directory, then its data."""
    stream = stream.ljust(-(-max(len(stream), 4096) // 512) * 512, b"\0")
    sectors = len(stream) // 512
    end, free = 0xFFFFFFFE, 0xFFFFFFFF
    fat = [0xFFFFFFFD, end, *range(3, sectors + 2), end]
    assert len(fat) <= 128, "one FAT sector is enough for a test"
    fat += [free] * (128 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    header += struct.pack("<HHHHHHII", 0x3E, 3, 0xFFFE, 9, 6, 0, 0, 0)
    header += struct.pack("<IIIIIIIII", 1, 1, 0, 4096, end, 0, end, 0, 0)
    header += struct.pack("<108I", *([free] * 108))

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        body = text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1)
        body += struct.pack("<III", free, free, child) + b"\0" * 36
        return body + struct.pack("<IQ", start, size)

    folder = entry("Root Entry", 5, 1, end, 0)
    folder += entry("Workbook", 2, free, 2, len(stream))
    folder = folder.ljust(512, b"\0")
    return header + struct.pack("<128I", *fat) + folder + stream


SEIFA_POA: Rows = (
    ("Australian Bureau of Statistics",),
    ("Socio-Economic Indexes for Australia (SEIFA), 2021",),
    ("Released at 11.30am (Canberra time) 27 April 2023",),
    ("Table 1. Postal Area (POA) SEIFA Summary, 2021",),
    (
        "2021 Postal Area (POA) Code",
        "Index of Relative Socio-economic Disadvantage",
        None,
        "Index of Relative Socio-economic Advantage and Disadvantage",
        None,
        "Index of Economic Resources",
        None,
        "Index of Education and Occupation",
        None,
        "Usual Resident Population",
        "Caution: SA1 scores vary widely",
        "Postal Area crosses state or territory boundaries",
    ),
    (None, *("Score", "Decile") * 4),
    ("0800", 1025.1, 6, 1074.2, 8, 900, 1, 1100, 10, 7600, None, None),
    (822, 737, 1, 700, 1, 720.5, 1, 800, 1, 8000, "Y", "Y"),
    ("2000", "-", "-", 1050, 9, 800, 1, 1120, 10, 27000, None, None),
    ("© Commonwealth of Australia 2023",),
)

VIC_QUARTERLY: Rows = (
    ("Median house prices by suburb, 4th quarter 2023",),
    (),
    (
        "Suburb",
        "Oct-Dec",
        "Jan-Mar",
        "Apr-Jun",
        "Jul-Sep",
        "Oct-Dec 2023",
        "No. of sales",
        "No. of sales",
        "Change (%)",
    ),
    (
        None,
        2022,
        2023,
        2023,
        2023,
        None,
        "Oct-Dec 2023",
        "YTD 2023",
        "Oct-Dec 2022-2023",
    ),
    ("ABBOTSFORD", 1000000, 1100000, 1200000, 1150000.5, 1300000, 12, 40, 30.0),
    ("HILLSIDE (MELTON)", "-", 650000, 655000, 660000, 670000, 25, 101, "NA"),
    ("METROPOLITAN MELBOURNE", 880000, 881000, 882000, 883000, 884000, 9000, 30000, 1),
    ("Source: made up",),
)

DCJ_SALES: Rows = (
    ("Sales price, postcode, December quarter 2023",),
    (),
    (
        "Postcode",
        "Dwelling Type",
        "First Quartile Sales Price\n$'000s",
        "Median Sales Price\n$'000s",
        "Third Quartile Sales Price\n'000s",
        "Mean Sales Price\n$'000s",
        "Sales\nNo.",
        "Qtly change in Median",
        "Annual change in Median",
        "Qtly change in Count",
        "Annual change in Count",
    ),
    (2000, "Total", 900, 1250.5, 2000, 1600, 210, 0.02, -0.01, 0.1, 0.2),
    (2000, "Non Strata", "-", "-", "-", "-", "-", "-", "-", "-", "-"),
    (2000, "Strata", 890, 1200, 1900, 1500, "s", 0.01, 0.01, 0.1, 0.1),
)


def time_series(released: str | None = None) -> dict[str, Rows]:
    """An ABS time series workbook of two series and two quarters."""
    index: Rows = (
        ("Time Series Workbook",),
        ("6416.0 Residential Property Price Indexes: Eight Capital Cities",),
        (released,),
    )
    data: Rows = (
        (
            None,
            "Residential Property Price Index ;  Sydney ;",
            "Residential Property Price Index ;  Hobart ;",
        ),
        ("Unit", "Index Numbers", "Index Numbers"),
        ("Series Type", "Original", "Original"),
        ("Data Type", "INDEX", "INDEX"),
        ("Frequency", "Quarter", "Quarter"),
        ("Collection Month", 3, 3),
        ("Series Start", date(2021, 9, 1), date(2021, 9, 1)),
        ("Series End", date(2021, 12, 1), date(2021, 12, 1)),
        ("No. Obs.", 2, 2),
        ("Series ID", "A83728383L", "A83728428F"),
        (date(2021, 9, 1), 210.1, 198.3),
        (date(2021, 12, 1), 218.7, None),
    )
    return {"Index": index, "Data1": data}


RBA_MONTHLY: Rows = (
    ("F1.1 INTEREST RATES AND YIELDS \u2013 MONEY MARKET", None, None),
    ("Title", "Cash Rate Target", "Interbank Overnight Cash Rate"),
    ("Description", "Cash Rate Target; monthly average", "Interbank"),
    ("Frequency", "Monthly", "Monthly"),
    ("Type", "Original", "Original"),
    ("Units", "Per cent", "Per cent"),
    (None, None, None),
    ("Source", "RBA", "RBA"),
    ("Publication date", "01-Apr-2026", "01-Apr-2026"),
    ("Series ID", "FIRMMCRT", "FIRMMCRI"),
    ("31/01/2026", 3.6, 3.6),
    ("28/02/2026", 3.85, None),
)
