"""Mutated Domain answers, reference files and REAXML feeds, made here, many of each.

A record or a reject each, never an exception, never a hang. PSI and sales files have
modules of their own (`test_nsw_valuer_mutations`, `test_sales_files_mutations`); with
them the suite reads well over 10,000 damaged inputs, whether the real samples are on
the machine or not.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3 import HTTPResponse

from connectors.domain_api.bodies import BodyContainer
from connectors.domain_api.datasets import DATASETS as DOMAIN
from connectors.domain_api.layout import SOURCE
from connectors.domain_api.reading import Reading, keys_of
from connectors.domain_api.replies import Reply, json_reader
from connectors.domain_api.slicing import DIMENSIONS, listed_at, split
from connectors.reference.catalogue import DATASETS as REFERENCE
from connectors.reference.releases import find_releases
from connectors.resilience import POLICIES, SourceClient
from connectors.resilience.outcome import Failure
from connectors.workbooks import damage_told
from domain.errors import PermanentError
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.replies import Request
from simulator.domain_api.service import DomainApi
from simulator.market import Market, MarketSize
from simulator.reaxml import ReaxmlDropper
from simulator.reference import write_reference
from tests.mutations import deadline, mutate, wrap
from tests.reaxml_reading import read as read_feed
from tests.reference_files import RBA_MONTHLY, time_series, write_xls, write_xlsx

#: Mutations of each kind.
BODIES, ANSWERS, RELEASES, WORKBOOKS, FEEDS = 2_500, 1_000, 1_600, 300, 1_500
JSON_WORDS = (
    *(b"null", b"true", b"{}", b"[]", b'""', b"1e999", b"-0", b"1" * 400, b"NaN"),
    *(b'"2024-13-45T99:00:00"', b'"0001-01-01T00:00:00"', b"\\u0000", b"\\ud800"),
    *(b'"listing":', b'"id":', b'"listings":[', b"[" * 3_000, b"}", b"]", b","),
)
TABLE_WORDS = (
    *(b",", b'"', b"|", b"\r\n", b"\t", b"NSW", b"0", b"-", b"n/a", b"31-Feb-2024"),
    *(b"1/13/2024", b"Postcode", b"Dec 2023", b"9" * 400, b"PK\x03\x04", b"\x1f\x8b"),
)
FEED_WORDS = (
    *(b"<residential>", b"</residential>", b"<price>", b"&x;", b"<![CDATA[", b"<!--"),
    *(b'<!DOCTYPE a [<!ENTITY x "y">]>', b"2024-13-01-99:00:00", b'status="sold"'),
    *(b'modTime=""', b"<agentID/>", b"<uniqueID>", b"</propertyList>", b"\x00", b"]]>"),
)


def each(
    seed: str,
    samples: list[tuple[str, bytes]],
    count: int,
    words: tuple[bytes, ...],
    check: Callable[[random.Random, str, bytes], str],
) -> Counter[str]:
    """`count` mutations, each judged by `check`, which says how it ended."""
    ends: Counter[str] = Counter()
    for number in range(count):
        chance = random.Random(f"{seed}:{number}")
        name, content = chance.choice(samples)
        deeds, damaged = mutate(chance, content, words)
        try:
            with deadline(40):
                ends[check(chance, name, damaged)] += 1
        except BaseException as error:
            error.add_note(f"mutation {seed}:{number}: {deeds} of {name}")
            raise
    assert ends.total() == count
    assert len(ends) > 1, f"every input ended the same: {ends}"
    return ends


# Domain ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=400, weeks=3))


@pytest.fixture(scope="module")
def answers(market: Market) -> list[tuple[str, Any]]:
    """One answer of every endpoint, as (dataset, JSON)."""
    options = DomainOptions()
    api = DomainApi(market, options)

    def ask(path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else b""
        headers = {"x-api-key": options.api_key}
        method = "GET" if body is None else "POST"
        reply = api.answer(Request(method, path, {}, headers, data))
        assert reply.status == 200, (path, reply)
        return json.loads(reply.body)

    search = "/v1/listings/residential/_search"
    place = next(p for p in market.localities if p.state == "VIC")
    performance = f"/v2/suburbPerformanceStatistics/VIC/{place.name}/{place.postcode}"
    sale = ask(search, {"listingType": "Sale", "pageSize": 6})
    sold = ask(search, {"listingType": "Sold", "pageSize": 6})
    first = next(item["listing"]["id"] for item in sale + sold if "listing" in item)
    detail = ask(f"/v1/listings/{first}")
    return [
        ("listings", sale),
        ("listings", sold),
        ("listing_details", [detail]),
        ("properties", [ask(f"/v1/properties/{detail['propertyId']}")]),
        ("sales_summaries", [ask("/v1/salesResults/Melbourne")]),
        ("sales_results", ask("/v1/salesResults/Melbourne/listings")[:6]),
        ("suburb_performance", [ask(performance)]),
    ]


def test_mutated_landed_bodies(answers: list[tuple[str, Any]], tmp_path: Path) -> None:
    samples = []
    for dataset, items in answers:
        head = {
            "dataset": dataset,
            "request": {},
            "around": {"city": "Melbourne", "auctioned_on": "2024-06-15"},
            "facts": {},
            "fetched_at": datetime(2024, 6, 17, tzinfo=UTC).isoformat(),
        }
        lines = [json.dumps(line) for line in (head, *items)]
        samples.append((dataset, ("\n".join(lines) + "\n").encode()))
    path = tmp_path / "body.jsonl.gz"

    def check(chance: random.Random, name: str, content: bytes) -> str:
        packed = gzip.compress(content, 1, mtime=0)
        if chance.random() < 0.1:
            packed = mutate(chance, packed)[1]
        path.write_bytes(packed)
        container = BodyContainer("body", path)
        (file,) = container.files()
        if file.refusal is not None:
            assert file.refusal.reason.endswith(".")
            return "refused"
        (batch,) = file.batches()
        assert batch.read == len(batch.rows) + batch.rejected
        assert len(batch.rows) == len(batch.hashes)
        columns = DOMAIN[str(file.file.read_with)].target.columns
        for row in batch.rows:
            assert "\n" not in row
            assert "\x00" not in row
            row.encode()  # what PostgreSQL is sent
            cells = row.replace("\\\\", "").replace("\\;", "").count(";")
            assert cells == len(columns) - 1
        assert len(batch.rejects) >= batch.rejected
        for reject in batch.rejects:
            assert reject.reason
            assert reject.fix
        file.fields_seen()
        return "rejects" if batch.rejects else "rows"

    ends = each("bodies", samples, BODIES, JSON_WORDS, check)
    assert min(ends[end] for end in ("rows", "rejects", "refused")) > BODIES // 50, ends


def test_mutated_answers_are_read_or_asked_for_again(
    answers: list[tuple[str, Any]],
) -> None:
    """What a search makes of any answer: pages, dates, splits, or another try."""
    client = SourceClient(POLICIES[SOURCE])
    samples = [
        (name, json.dumps(items).encode())
        for name, items in answers
        if name == "listings"
    ]

    def check(chance: random.Random, name: str, content: bytes) -> str:
        response = requests.Response()
        response.status_code, response.url = 200, "http://domain.test/_search"
        response.raw = HTTPResponse(io.BytesIO(content), preload_content=False)
        found = json_reader(client, list)(response)
        if isinstance(found, Failure):
            return "asked again"
        assert isinstance(found, Reply)
        keys = keys_of(found.value)
        dates = [listed_at(item) for item in found.value]
        total = chance.choice((None, 0, len(keys), 5_000))
        reading = Reading(size=6, ceiling=12)
        for page in (1, 2):
            reading.record(page, keys, total, dates)
            reading.wanted()
        assert 0 <= reading.distinct <= len(keys)
        split({"listingType": "Sale"}, DIMENSIONS, reading.shown)
        return "read"

    each("answers", samples, ANSWERS, JSON_WORDS, check)


# Reference sets ----------------------------------------------------------------------


def release_ends(dataset: str, path: Path) -> str:
    """Read what is at a path as a release: rows, rejects, or a refusal."""
    ends: Counter[str] = Counter()
    try:
        releases = find_releases(REFERENCE[dataset], [path])
    except PermanentError:
        return "refused"
    for release in releases:
        for file in release.files():
            for batch in file.batches():
                assert len(batch.rows) == len(batch.hashes)
                assert batch.read == len(batch.rows) + batch.rejected
                for row in batch.rows:
                    assert "\n" not in row
                    assert "\x00" not in row
                assert all(reject.reason and reject.fix for reject in batch.rejects)
                ends["rows"] += len(batch.rows)
                ends["rejects"] += batch.rejected
            if file.refusal is not None:
                assert file.refusal.reason
                ends["refused"] += 1
    return next((end for end in ("refused", "rejects", "rows") if ends[end]), "empty")


@pytest.fixture(scope="module")
def sets(
    market: Market, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, bytes]]:
    """The first lines of every set of the made-up market, by `dataset/name`."""
    folder = tmp_path_factory.mktemp("sets")
    return [
        (f"{dataset}/{path.name}", content)
        for dataset, path in write_reference(market, folder).items()
        for content in _plain(path)
    ]


def _plain(path: Path) -> Iterator[bytes]:
    """The text of a file, of a gzip or of a ZIP's members: some lines of it."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.file_size]
            whole = [archive.read(info) for info in members[:2]]
    elif path.suffix == ".gz":
        whole = [gzip.decompress(path.read_bytes())]
    else:
        whole = [path.read_bytes()]
    for content in whole:
        yield b"\n".join(content.split(b"\n")[:40])


def test_mutated_reference_files(sets: list[tuple[str, bytes]], tmp_path: Path) -> None:
    def check(chance: random.Random, name: str, content: bytes) -> str:
        dataset, _, stem = name.partition("/")
        stem = stem.removesuffix(".gz")
        if stem.endswith(".zip"):
            kind = ".psv" if dataset == "gnaf" else ".csv"
            stem = stem.removesuffix(".zip") + kind
        packed, content = wrap(chance, stem, content)
        path = tmp_path / packed
        path.write_bytes(content)
        try:
            return release_ends(dataset, path)
        finally:
            path.unlink()

    ends = each("reference", sets, RELEASES, TABLE_WORDS, check)
    assert ends["rows"] > RELEASES // 20, ends
    assert ends["refused"] > RELEASES // 20, ends


def test_mutated_workbooks(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "index.xlsx", time_series("17 March 2022"))
    write_xls(tmp_path / "rate.xls", RBA_MONTHLY)
    samples = [
        ("price_index/i.xlsx", (tmp_path / "index.xlsx").read_bytes()),
        ("cash_rate/r.xls", (tmp_path / "rate.xls").read_bytes()),
    ]

    def check(chance: random.Random, name: str, content: bytes) -> str:
        dataset, _, file = name.partition("/")
        path = tmp_path / file
        path.write_bytes(content)
        return release_ends(dataset, path)

    each("workbooks", samples, WORKBOOKS, (b"\x00" * 8, b"\xff" * 8, b"PK"), check)


# REAXML ------------------------------------------------------------------------------


def test_mutated_feeds(market: Market, tmp_path: Path) -> None:
    samples = [
        ("feed.xml", file.content)
        for file in ReaxmlDropper(market).files(10)
        if file.name.endswith(".xml")
    ]

    def check(chance: random.Random, name: str, content: bytes) -> str:
        wrapped = name
        if chance.random() < 0.3:
            wrapped, content = wrap(chance, name, content)
        path = tmp_path / wrapped
        path.write_bytes(content)
        try:
            found = read_feed(path)
        finally:
            path.unlink()
        for reject in (*found.rejects, *found.refusals):
            assert reject.reason.endswith(".")
            assert reject.fix
        if found.refusals:
            return "refused"
        return "rejects" if found.rejects else "rows"

    ends = each("feeds", samples, FEEDS, FEED_WORDS, check)
    assert min(ends[end] for end in ("rows", "rejects", "refused")) > FEEDS // 50, ends


# What was found so -------------------------------------------------------------------


@pytest.mark.parametrize("depth", [100, 500, 900, 5_000])
def test_records_nested_too_deep_are_refused_and_their_neighbours_kept(
    tmp_path: Path, depth: int
) -> None:
    deep = "[" * depth + "]" * depth
    item = '{"type":"PropertyListing","listing":{"id":%d,"listingType":"Sale","x":%s}}'
    head = json.dumps(
        {
            "dataset": "listings",
            "request": {},
            "around": {},
            "facts": {},
            "fetched_at": "2024-06-17T00:00:00+00:00",
        }
    )
    path = tmp_path / "body.jsonl.gz"
    lines = [head, item % (1, "0"), item % (2, deep), item % (3, "0")]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    (file,) = BodyContainer("body", path).files()
    (batch,) = file.batches()
    assert len(batch.rows) + batch.rejected == batch.read == 3
    assert batch.rejected == (depth > 100)
    path.write_bytes(gzip.compress(("[" * 5_000).encode()))
    (file,) = BodyContainer("body", path).files()
    assert file.refusal is not None


def test_a_zip_whose_directory_points_before_it_is_damaged_not_unreadable(
    tmp_path: Path,
) -> None:
    """It is refused like any damaged file, and not tried again for ever."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("feed.xml", "<propertyList/>")
        archive.writestr("again.xml", "<propertyList/>")
    content = bytearray(buffer.getvalue())
    end = content.rindex(b"PK\x05\x06")
    # The directory claims to be where it would be in a longer file.
    place = int.from_bytes(content[end + 16 : end + 20], "little")
    content[end + 16 : end + 20] = (place + 40).to_bytes(4, "little")
    path = tmp_path / "feed.zip"
    path.write_bytes(content)
    found = read_feed(path)
    assert found.refusals


def test_a_workbook_whose_sheet_is_damaged_is_a_refused_release(
    tmp_path: Path,
) -> None:
    path = tmp_path / "i.xlsx"
    write_xlsx(path, time_series("17 March 2022"))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet2.xml")
    content[sheet.header_offset : sheet.header_offset + 4] = b"XXXX"
    path.write_bytes(content)
    assert release_ends("price_index", path) == "refused"


def test_a_workbook_that_makes_its_reader_panic_is_damaged_like_any_other() -> None:
    class PanicException(BaseException):
        """As the reader's own looks."""

    with pytest.raises(ValueError, match="its structure is broken"), damage_told():
        raise PanicException
    with pytest.raises(KeyboardInterrupt), damage_told():
        raise KeyboardInterrupt
