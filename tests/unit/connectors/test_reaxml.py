"""REAXML parsing: records, patches, values, encodings, refused files."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from connectors.reaxml.containers import time_in_name
from connectors.reaxml.vocabulary import KINDS
from tests.reaxml_reading import read, read_text
from tests.reaxml_samples import FULL, drop, feed, record, zip_file


def one(tmp_path: Path, body: str, **marks: Any) -> dict[str, Any]:
    out = read_text(tmp_path, feed(record(body, **marks)))
    assert not out.refusals, out.refusals
    assert not out.rejects, out.rejects
    return out.rows[0]


# Records ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_loads_and_unknown_elements_refuse_nothing(
    tmp_path: Path, kind: str
) -> None:
    body = '<newThing level="2"><part>one</part></newThing><headline>Hi</headline>'
    out = read_text(tmp_path, feed(record(body, kind=kind, agent="abcdef")))
    assert out.rows[0]["kind"] == kind
    assert out.rows[0]["agent_id"] == "ABCDEF"
    assert out.rows[0]["patch"] == {
        "newThing@level": "2",
        "newThing/part": "one",
        "headline": "Hi",
    }
    assert out.unknown == {f"{kind}/newThing@level", f"{kind}/newThing/part"}
    assert out.counts == {kind: 1, f"{kind}.current": 1}


def test_the_original_text_and_line_of_each_record_are_kept(tmp_path: Path) -> None:
    first, second = record(FULL), record("<price/>", unique="U2")
    out = read_text(tmp_path, feed(first, second))
    assert [row["original"] for row in out.rows] == [first.strip(), second.strip()]
    assert out.rows[0]["_row_number"] == "4"
    lines = feed(first, second).split("\n")
    assert lines[int(out.rows[1]["_row_number"]) - 1] == second.strip()
    assert [row["record_number"] for row in out.rows] == ["1", "2"]


def test_layout_and_line_ends_do_not_make_another_record(tmp_path: Path) -> None:
    plain = feed(record("<price>5</price><headline>a b</headline>"))
    spread = plain.replace("><", ">\r\n\t<").replace("a b", "a  b")
    hashes = {
        read_text(tmp_path, text, name).rows[0]["_row_hash"]
        for text, name in ((plain, "a.xml"), (spread, "b.xml"))
    }
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("bad", "rule", "field"),
    [
        (record(unique=""), "unique_id_missing", "residential[1]/uniqueID"),
        (record(agent=" "), "agent_id_missing", "residential[1]/agentID"),
        (record(time="yesterday"), "mod_time_unreadable", "residential[1]/@modTime"),
        (record(time="2024-02-30"), "mod_time_unreadable", "residential[1]/@modTime"),
        (record(unique="x" * 101), "unique_id_too_long", "residential[1]/uniqueID"),
        (record(kind="houseboat"), "kind_unknown", "houseboat[1]"),
        (
            record(f"<description>{'x' * (5 << 20)}</description>"),
            "record_too_large",
            "residential[1]",
        ),
        (
            record("<a>" * 150 + "</a>" * 150 * 1 + "<b/>" * 20_000),
            "record_too_large",
            "residential[1]",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "",
)
def test_a_bad_record_is_rejected_alone_with_rule_path_and_line(
    tmp_path: Path, bad: str, rule: str, field: str
) -> None:
    good = record(FULL, unique="GOOD", kind="land")
    out = read_text(tmp_path, feed(bad, good))
    assert [row["unique_id"] for row in out.rows] == ["GOOD"]
    (reject,) = out.rejects
    assert (reject.rule_id, reject.field, reject.row_number) == (rule, field, 4)
    assert reject.original is not None
    assert reject.original.size_bytes == len(bad.strip().encode())
    assert bad.startswith(reject.original.text[:1000])
    assert out.read == 2


def test_records_on_one_line_are_told_apart(tmp_path: Path) -> None:
    text = feed(record(unique=""), record(unique=""), record()).replace("\n", "")
    out = read_text(tmp_path, text)
    assert [reject.field for reject in out.rejects] == [
        "residential[1]/uniqueID",
        "residential[2]/uniqueID",
    ]


def test_records_without_a_time_take_the_list_s_the_name_s_or_the_file_s(
    tmp_path: Path,
) -> None:
    bare = record(time=None)
    listed = read_text(tmp_path, feed(bare, date="20240615T1030"), "x_20200101.xml")
    named = read_text(tmp_path, feed(bare, date=None), "x_20240616103000.xml")
    path = drop(tmp_path, "plain.xml", feed(record(time=""), date=None))
    os.utime(path, (1_718_500_000, 1_718_500_000))
    filed = read(path)
    assert [
        (out.rows[0]["mod_time"], out.rows[0]["mod_time_from"])
        for out in (listed, named, filed)
    ] == [
        ("2024-06-15T10:30:00", "list"),
        ("2024-06-16T10:30:00", "name"),
        ("2024-06-16T11:06:40", "file"),
    ]
    assert str(time_in_name("AB_2024-06-15_1030.xml")) == "2024-06-15 10:30:00"
    assert time_in_name("AB_99999999.xml") is None


def test_oddities_are_noted_and_refuse_nothing(tmp_path: Path) -> None:
    body = FULL.replace("<price display", "<was display").replace("</price>", "</was>")
    body = body.replace("<bedrooms>4</bedrooms>", "").replace("3121", "2000")
    row = one(tmp_path, body, agent="AB1", time="2024-07-15")
    assert {note["rule"] for note in row["notes"]} == {
        "agent_id_not_six_letters",
        "postcode_not_of_state",
        "new_listing_without_price",
        "new_listing_without_bedrooms",
        "mod_time_after_list_date",
    }
    row = one(tmp_path, "<price>POA</price>", status="odd")
    assert [note["rule"] for note in row["notes"]] == [
        "value_unreadable",
        "status_unknown",
    ]


# Patches ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "patch"),
    [
        ("<price/>", {"price": None}),
        ('<price display="no"/>', {"price": None, "price@display": "no"}),
        ('<underOffer value="yes"/>', {"underOffer@value": "yes"}),
        ('<auction date=""/>', {"auction": None, "auction@date": None}),
        ("<features/>", {"features": None}),
        ("<features><pool/></features>", {"features/pool": None}),
        ('<images><img id="M"/></images>', {"images/img[m]": None}),
        (
            '<objects><img id="a" file="a.jpg"/></objects>',
            {"images/img[a]": "a.jpg", "images/img[a]@file": "a.jpg"},
        ),
        (
            "<soldDetails><soldPrice>1</soldPrice><soldDate>2</soldDate></soldDetails>",
            {"soldDetails/price": "1", "soldDetails/date": "2"},
        ),
        (
            '<listingAgent id="2"><email>a@b.example</email></listingAgent>',
            {"listingAgent[2]/email": "a@b.example"},
        ),
        ("<listingAgent/>", {"listingAgent": None}),
        ("<PRICE Display='no'>5</PRICE>", {"price": "5", "price@display": "no"}),
        ("<inspectionTimes/>", {"inspectionTimes": None}),
        ("<x><y>1</y><y>2</y></x>", {"x/y": ["1", "2"]}),
        (
            "<description><p>One &amp; two</p><br/>3</description>",
            {"description": "<p>One & two</p><br></br>3"},
        ),
        (
            "<description><![CDATA[<b>x</b>]]></description>",
            {"description": "<b>x</b>"},
        ),
        (
            "<headline>caf&eacute;&nbsp;bar &lt;3</headline>",
            {"headline": "café bar <3"},
        ),
    ],
)
def test_elements_become_paths(
    tmp_path: Path, body: str, patch: dict[str, Any]
) -> None:
    assert one(tmp_path, body)["patch"] == patch


def rent(amount: float, period: str, week: float) -> dict[str, Any]:
    weekly = {"week_low": week, "week_high": week}
    return {"low": amount, "high": amount, "period": period, **weekly}


def inspections(text: str) -> str:
    return f"<inspectionTimes><inspection>{text}</inspection></inspectionTimes>"


def land(area: str) -> str:
    return f"<landDetails><area {area}</area></landDetails>"


@pytest.mark.parametrize(
    ("body", "path", "reading"),
    [
        ("<price>$500,000</price>", "price", {"low": 500_000, "high": 500_000}),
        ("<price>1.2m - 1.3m</price>", "price", {"low": 1.2e6, "high": 1.3e6}),
        ('<price display="RANGE">5</price>', "price@display", "range"),
        ('<price display="?">5</price>', "price@display", "no"),
        ('<rent period="monthly">1300</rent>', "rent", rent(1300, "monthly", 300)),
        (
            '<rent period="month">1</rent><rent>350</rent>',
            "rent",
            rent(350, "week", 350),
        ),
        (land('unit="acre">2'), "landDetails/area", 8093.7128),
        (land('unit="hectare">.5'), "landDetails/area", 5000),
        (land(">300"), "landDetails/area", 300),
        ("<features><bedrooms>Studio</bedrooms></features>", "features/bedrooms", 0),
        ("<features><pool>1</pool></features>", "features/pool", True),
        ("<features><pool>no</pool></features>", "features/pool", False),
        ("<address><state>Queensland</state></address>", "address/state", "QLD"),
        ("<address><postcode>820</postcode></address>", "address/postcode", "0820"),
        (
            "<dateAvailable>20240101T0900</dateAvailable>",
            "dateAvailable",
            "2024-01-01T09:00:00",
        ),
        (
            inspections("1-Dec-2024 12:00pm to 12:30pm"),
            "inspectionTimes/inspection",
            [{"start": "2024-12-01T12:00:00", "end": "2024-12-01T12:30:00"}],
        ),
        (
            '<listingAgent><telephone type="AH">0399999999</telephone></listingAgent>',
            "listingAgent[1]/telephone[ah]",
            "+61399999999",
        ),
    ],
)
def test_values_are_read(tmp_path: Path, body: str, path: str, reading: Any) -> None:
    assert one(tmp_path, body)["readings"][path] == reading


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("39", {"number": "39"}),
        ("2/102", {"unit": "2", "number": "102"}),
        ("Unit 5, 102", {"unit": "5", "number": "102"}),
        ("Unit 5 102a", {"unit": "5", "number": "102A"}),
        ("G01/102-104", {"unit": "G01", "number": "102-104"}),
        ("LOT 4A", {"lot": "4A"}),
        ("Lot 12, 39", {"lot": "12", "number": "39"}),
        ("7 & 9", {"number": "7 & 9"}),
        ("19-21", {"number": "19-21"}),
    ],
)
def test_a_street_number_may_hold_unit_and_lot(
    tmp_path: Path, text: str, parts: dict[str, str]
) -> None:
    escaped = text.replace("&", "&amp;")
    body = f"<address><streetNumber>{escaped}</streetNumber></address>"
    assert one(tmp_path, body)["readings"]["address/streetNumber"] == parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2009-01-01", "2009-01-01T00:00:00"),
        ("2009-01-01-12:30", "2009-01-01T12:30:00"),
        ("2009-01-01-12:30:05", "2009-01-01T12:30:05"),
        ("2009-01-01T12:30", "2009-01-01T12:30:00"),
        ("2009-01-01T12:30:05.123", "2009-01-01T12:30:05"),
        ("2009-01-01 12:30:05", "2009-01-01T12:30:05"),
        ("20090101", "2009-01-01T00:00:00"),
        ("20090101-1230", "2009-01-01T12:30:00"),
        ("20090101-123005", "2009-01-01T12:30:05"),
        ("20090101T1230", "2009-01-01T12:30:00"),
        ("20090101T123005", "2009-01-01T12:30:05"),
        ("2009-01-01T01:30:05Z", "2009-01-01T12:30:05"),
        ("2009-01-01T12:30:05+11:00", "2009-01-01T12:30:05"),
    ],
)
def test_every_date_form_orders_records(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert one(tmp_path, "", time=text)["mod_time"] == expected


# Files --------------------------------------------------------------------------------

WORDS = "Caf\u00e9 \u2013 \u201cquoted\u201d \u20ac"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("ISO-8859-1", "cp1252"),
        ("windows-1252", "cp1252"),
        ("UTF-8", "cp1252"),
        (None, "cp1252"),
        ("UTF-16", "utf-16"),
        ("utf-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"),
        ("UTF-16", "utf-8"),
        ("no-such-thing", "utf-8"),
        ("base64", "utf-8"),
    ],
)
def test_every_encoding_reads_the_same(
    tmp_path: Path, declared: str | None, codec: str
) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    body = f"<headline>{WORDS}</headline><x>{'y' * 70_000} {WORDS}</x>"
    out = read_text(tmp_path, feed(record(body), head=head).encode(codec))
    assert out.rows[0]["patch"]["headline"] == WORDS
    assert out.rows[0]["patch"]["x"].endswith(WORDS)


def test_blank_lines_before_and_control_characters_inside_are_survived(
    tmp_path: Path,
) -> None:
    text = "\n\n" + feed(record("<headline>a\x0bb</headline>")) + "\x1a"
    out = read_text(tmp_path, text)
    assert out.rows[0]["patch"]["headline"] == "a b"
    assert out.rows[0]["_row_number"] == "6"
    assert out.counts["characters.replaced"] == 2


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "file_empty"),
        (b" \n", "file_empty"),
        (b"\xff\xd8\xff\xe0 not xml", "file_not_xml"),
        (b"<html><body>502</body></html>", "file_not_reaxml"),
        (b"<html><body>502", "file_xml_broken"),
        (feed(record(FULL))[:-200], "file_xml_broken"),
        (feed(record("<headline>A & B</headline>")), "file_xml_broken"),
        (gzip.compress(feed(record()).encode())[:-20], "file_damaged"),
        (b"PK\x03\x04 no zip", "zip_damaged"),
    ],
)
def test_a_bad_file_is_refused_whole_with_a_reason(
    tmp_path: Path, content: str | bytes, rule: str
) -> None:
    out = read_text(tmp_path, content)
    assert [refusal.rule_id for refusal in out.refusals] == [rule]
    assert not out.rows
    assert out.refusals[0].reason.endswith(".")


def test_a_broken_file_s_records_before_and_after_the_break_become_rejects(
    tmp_path: Path,
) -> None:
    records = [record(FULL, unique=f"U{n}", kind="rural") for n in range(60)]
    records[30] = records[30].replace("</price>", "</prize>")
    text = feed(*records)
    out = read_text(tmp_path, text)
    assert not out.rows
    line = text[: text.index("</prize>")].count("\n") + 1
    assert f"line {line}, column" in out.refusals[0].reason
    assert [reject.field for reject in out.rejects] == [
        f"rural[{n}]" for n in range(1, 61)
    ]
    originals = [reject.original.text for reject in out.rejects if reject.original]
    assert originals == [text.strip() for text in records]


def test_zip_and_gzip_hold_feeds_and_images_are_passed_over(tmp_path: Path) -> None:
    members = {
        "b.XML": feed(record(unique="U2")),
        "sub/a.xml": feed(record()),
        "broken.xml": "<propertyList>",
        "images/m.jpg": b"\xff\xd8",
        "__MACOSX/._a.xml": b"\x00",
    }
    out = read_text(tmp_path, zip_file(tmp_path / "z", members), "feed.zip")
    assert [row["unique_id"] for row in out.rows] == ["U2", "U1"]
    assert [refusal.source_file for refusal in out.refusals] == ["feed.zip/broken.xml"]
    packed = read_text(tmp_path, gzip.compress(feed(record()).encode()), "f.xml.gz")
    assert len(packed.rows) == 1
    only = zip_file(tmp_path / "z", {"m.jpg": b"x"})
    assert read_text(tmp_path, only).refusals[0].rule_id == "zip_without_data"
