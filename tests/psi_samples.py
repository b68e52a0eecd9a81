"""PSI files made for tests: right by default, wrong on request."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

STAMP = "20240617 01:08"
B = (
    "B;{district};{prop};{counter};{stamp};;{unit};{house};{street};{locality};"
    "{postcode};{area};{area_type};{contract};{settled};{price};R2;R;RESIDENCE;{lot};"
    "AAA;;0;{dealing};"
)


def sale(number: int = 1, **fields: str) -> list[str]:
    """Lines of one sale: B, C, two D. Fields not given follow from `number`."""
    values = {
        "district": "708",
        "prop": f"{2_000_000 + number}",
        "counter": str(number),
        "stamp": STAMP,
        "unit": "",
        "house": str(number),
        "street": "BRIDGE ST",
        "locality": "SYDNEY",
        "postcode": "2000",
        "area": "556.4",
        "area_type": "M",
        "contract": "20240501",
        "settled": "20240612",
        "price": "585000",
        "lot": "",
        "dealing": f"AU{number:06}",
        **fields,
    }
    key = "{district};{prop};{counter};{stamp}".format(**values)
    return [
        B.format(**values),
        f"C;{key};{number}/SP57860;",
        f"D;{key};P;;;;;;",
        f"D;{key};V;;;;;;",
    ]


def psi_file(
    *sales: list[str], header: bool = True, trailer: str | None = None
) -> bytes:
    """A .DAT of these sales, with the trailer they deserve unless told otherwise."""
    lines = [f"A;RTSALEDATA;708;{STAMP};VALNET;"] if header else []
    for one in sales:
        lines += one
    count = {
        letter: sum(line.startswith(f"{letter};") for line in lines)
        for letter in "ABCD"
    }
    if trailer is None:
        total = sum(count.values()) + 1
        trailer = f"Z;{total};{count['B']};{count['C']};{count['D']};"
    return "\n".join([*lines, trailer, ""]).encode("latin-1")


def zip_of(members: dict[str, bytes]) -> bytes:
    """A ZIP of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def weekly_zip(*sales: list[str], week: str = "20240617") -> bytes:
    """A weekly ZIP of one district."""
    day = f"{week[6:]}{week[4:6]}{week[:4]}"
    return zip_of(
        {
            "creative_commons.txt": b"licence",
            f"708_SALES_DATA_NNME_{day}.DAT": psi_file(*sales),
        }
    )


def write_week(folder: Path, *sales: list[str], week: str = "20240617") -> Path:
    """Write a weekly ZIP to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{week}.zip"
    path.write_bytes(weekly_zip(*sales, week=week))
    return path
