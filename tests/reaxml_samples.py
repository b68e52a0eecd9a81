"""REAXML made by tests: records, files, and folders to drop them into."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE propertyList SYSTEM "http://reaxml.realestate.com.au/propertyList.dtd">\n'
)


def record(
    body: str = "",
    *,
    unique: str = "U1",
    agent: str = "ABCDEF",
    kind: str = "residential",
    status: str | None = "current",
    time: str | None = "2024-06-15-10:00:00",
) -> str:
    """One listing element; `body` is what comes after the two ids."""
    marks = {"modTime": time, "status": status}
    attributes = "".join(
        f" {name}={quoteattr(value)}"
        for name, value in marks.items()
        if value is not None
    )
    ids = f"<agentID>{agent}</agentID><uniqueID>{unique}</uniqueID>"
    return f"<{kind}{attributes}>{ids}{body}</{kind}>\n"


def feed(
    *records: str, date: str | None = "2024-06-15-10:30:00", head: str = HEAD
) -> str:
    """A whole file."""
    stamp = f' date="{date}"' if date else ""
    return f"{head}<propertyList{stamp}>\n{''.join(records)}</propertyList>\n"


def drop(folder: Path, name: str, content: str | bytes, age: float = 60) -> Path:
    """A file in a folder, last written `age` seconds ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    return path


def zip_file(path: Path, members: Mapping[str, str | bytes]) -> bytes:
    """A ZIP with these members, as bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    data = path.read_bytes()
    path.unlink()
    return data


FULL = """<authority value="exclusive"/><underOffer value="no"/>
<listingAgent id="1"><name>Jo Doe</name>
<telephone type="mobile">0412 345 678</telephone>
<email>jo@agency.example</email></listingAgent>
<price display="yes" tax="inclusive">500000</price>
<priceView>$480,000 to $520,000</priceView>
<address display="yes"><subNumber>2</subNumber><streetNumber>39</streetNumber>
<street>Main Road</street><suburb display="yes">RICHMOND</suburb><state>vic</state>
<postcode>3121</postcode><country>AUS</country></address>
<category name="House"/><headline>Sun &amp; space</headline>
<description>First line
second line</description>
<features><bedrooms>4</bedrooms><bathrooms>2</bathrooms><ensuite>1</ensuite>
<garages>1</garages><carports>2</carports><openSpaces>1</openSpaces><pool>yes</pool>
<study>0</study></features>
<landDetails><area unit="square">80</area></landDetails>
<buildingDetails><area unit="squareMeter">150</area></buildingDetails>
<inspectionTimes><inspection>21-Dec-2024 11:00am to 1:00pm</inspection>
</inspectionTimes>
<vendorDetails><name>Vic Vendor</name></vendorDetails>
<images><img id="m" modTime="2024-06-15-10:00:00" url="http://i.example/m.jpg"/>
<img id="a" url="http://i.example/a.jpg"/></images>
<objects><floorplan id="1" file="plan.gif" format="gif"/></objects>
"""
