"""REAXML records folded by the warehouse: any order of arrival, one outcome."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assets.landing.reaxml import ingest_reaxml
from simulator.market import Market, MarketSize
from simulator.reaxml import ReaxmlDropper, write_drop
from tests.dbt_samples import DbtProject, rows_of
from tests.reaxml_fold import Record, fold
from tests.reaxml_samples import FULL, drop, feed, record

MODELS = ("records", "versions", "values", "folded", "listings")
BODIES = (
    FULL,
    '<price display="no">510000</price>',
    "<price>520000</price>",
    "<price/>",
    "<price><range><min>400000</min><max>450000</max></range></price>",
    '<underOffer value="yes"/>',
    "<features><bedrooms>5</bedrooms><pool/></features>",
    "<features/>",
    '<landDetails><area unit="hectare">2</area></landDetails>',
    "<landDetails><area>700</area></landDetails>",
    '<images><img id="m"/><img id="b" file="b.jpg"/></images>',
    '<objects><img id="a" url="new.jpg"/><floorplan id="1"/></objects>',
    "<images/>",
    '<listingAgent id="1"><name>Al Roe</name></listingAgent>',
    '<listingAgent id="1"><email>new@agency.example</email></listingAgent>',
    '<listingAgent id="2"><name>Bo Poe</name></listingAgent>',
    "<listingAgent/>",
    '<soldDetails><price display="no">60</price><date>20240620</date></soldDetails>',
    "<soldDetails><soldPrice display='yes'>610000</soldPrice></soldDetails>",
    '<rent period="month">1300</rent><rent period="week">300</rent>',
    '<rent period="week" display="no">310</rent>',
    "<address><streetNumber>4/41</streetNumber></address>",
    '<address display="no"><subNumber/></address>',
    "<inspectionTimes/>",
    "<newThing><part>1</part><part>2</part></newThing>",
    "",
)
STATUSES = (
    "current",
    "current",
    "current",
    "offmarket",
    "withdrawn",
    "sold",
    None,
    "odd",
)


class Staging:
    """A database with the REAXML staging models."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._dbt = DbtProject(url, folder)
        self.build()

    def land(self, folder: Path) -> None:
        with psycopg.connect(self.url) as conn:
            ingest_reaxml(conn, folder, is_simulated=False)
        self.build()

    def build(self, *options: str) -> None:
        models = (f"stg_reaxml__{name}" for name in MODELS)
        self._dbt.run("run", "--select", *models, *options)


@pytest.fixture
def staging(database_url: str, tmp_path: Path) -> Iterator[Staging]:
    before = dict(os.environ)
    yield Staging(database_url, tmp_path / "dbt")
    for name in set(os.environ) - set(before):
        del os.environ[name]


def listing(url: str, unique: str = "U1") -> dict[str, Any]:
    with psycopg.connect(url) as conn:
        cursor = conn.execute(
            "select * from staging.stg_reaxml__listings where unique_id = %s", [unique]
        )
        row = cursor.fetchone()
        assert row is not None
        return dict(zip([c.name for c in cursor.description or ()], row, strict=True))


def test_a_listing_lives_and_only_what_was_sent_changes(
    staging: Staging, tmp_path: Path
) -> None:
    drop(tmp_path / "in", "1.xml", feed(record(FULL)))
    staging.land(tmp_path / "in")
    first = listing(staging.url)
    assert (first["unit_number"], first["street_number"]) == ("2", "39")
    assert (first["state"], first["postcode"]) == ("VIC", "3121")
    assert (first["bedrooms"], first["bathrooms"], first["car_spaces"]) == (4, 2, 4)
    assert float(first["land_area_m2"]) == pytest.approx(80 * 9.290304)
    assert first["features"] == {"pool": True, "study": False}
    assert [image["id"] for image in first["images"]] == ["m", "a"]
    assert first["agents"] == [
        {
            "name": "Jo Doe",
            "email": "jo@agency.example",
            "telephone[mobile]": "0412 345 678",
        }
    ]
    assert (first["price_low_aud"], first["price_high_aud"]) == (500_000, 500_000)
    assert first["withheld"] == {"vendorDetails/name": "Vic Vendor"}

    patches = (
        record("<price>490000</price>", time="2024-06-16-10:00:00"),
        record('<underOffer value="yes"/>', time="20240617T1000"),
        record(
            '<soldDetails><soldPrice display="no">480000</soldPrice>'
            "<soldDate>2024-06-18</soldDate></soldDetails>",
            status="sold",
            time="2024-06-18",
        ),
    )
    drop(tmp_path / "in", "2.xml", feed(*patches))
    drop(
        tmp_path / "in",
        "3.xml",
        feed(record("<headline>Old</headline>", time="20240101")),
    )
    staging.land(tmp_path / "in")
    last = listing(staging.url)
    assert (last["status"], last["is_under_offer"]) == ("sold", True)
    assert last["price_low_aud"] == 490_000
    assert (last["sold_price_aud"], last["withheld_sold_price_aud"]) == (None, 480_000)
    assert str(last["sold_date"]) == "2024-06-18"
    assert last["payload"]["headline"] == "Sun & space"
    assert "soldDetails/price" not in last["payload"]
    assert "480000" not in str(last["payload"])
    assert last["record_count"] == 5
    assert last["bedrooms"] == 4


def _outcome(url: str) -> list[tuple[Any, ...]]:
    return rows_of(
        url,
        "select unique_id, status, said, means, l.payload, l.withheld, "
        "l.agents, l.images, record_count from staging.stg_reaxml__listings l "
        "join staging.stg_reaxml__folded using (listing_id) order by 1",
    )


def test_every_order_of_arrival_folds_to_the_reference(
    staging: Staging, tmp_path: Path
) -> None:
    chance = random.Random(20240615)
    records = [
        record(
            chance.choice(BODIES),
            unique=f"L{number % 150}",
            status=chance.choice(STATUSES),
            # Few times, so that many records share one.
            time=f"2024-06-{10 + chance.randrange(6)}-10:00:00",
        )
        for number in range(900)
    ]
    outcomes = []
    for round_ in range(2):
        chance.shuffle(records)
        folder = tmp_path / f"in{round_}"
        for at in range(0, len(records), 90):
            # Some records come twice, in other files.
            again = chance.sample(records, 5)
            place = folder / str(at % 270)
            drop(place, f"{at}.xml", feed(*records[at : at + 90], *again))
        with psycopg.connect(staging.url) as conn:
            conn.execute("truncate raw.reaxml__listings, ops.source_files")
        staging.build("--full-refresh")
        # Batch by batch, and then once more from nothing.
        for place in sorted(folder.iterdir()):
            staging.land(place)
        outcomes.append(_outcome(staging.url))
        staging.build("--full-refresh")
        outcomes.append(_outcome(staging.url))
    assert outcomes[0] == outcomes[1] == outcomes[2] == outcomes[3]

    rows = rows_of(
        staging.url,
        "select unique_id, mod_time, status, patch, _row_hash::text "
        "from raw.reaxml__listings",
    )
    by_listing = defaultdict(list)
    for unique, mod_time, status, patch, row_hash in rows:
        by_listing[unique].append(Record(mod_time, status, patch, row_hash))
    expected = {unique: fold(found) for unique, found in by_listing.items()}
    assert {row[0]: row[2] for row in outcomes[0]} == {
        unique: state for unique, state in expected.items() if state
    }
    assert any(state for state in expected.values())
    for row in outcomes[0]:
        assert not set(row[4]) & set(row[5])
        assert {**row[4], **row[5]} == row[2]


def test_samples_fold_the_price_update_onto_its_insert(
    staging: Staging, tmp_path: Path, shared_data: Path
) -> None:
    folder = tmp_path / "in"
    for path in (shared_data / "reaxml_samples").glob("residential_*sample.xml"):
        drop(folder, path.name, path.read_bytes())
    staging.land(folder)
    found = listing(staging.url, "8bec6ff1-62ee-d5c4-35a2-fd12c7d74af4")
    # All of its records bear one time: the whole listing comes first, then changes.
    assert found["price_low_aud"] == 600_000
    assert found["payload"]["headline"] == "SHOW STOPPER!!!"
    assert found["sold_price_aud"] == 580_000
    assert (found["status"], found["record_count"]) == ("sold", 4)
    assert found["is_described"]
    unknown = listing(staging.url, "8bec6ff1-62ee-d5c4-35a2-fd12c7d74af45")
    assert (unknown["status"], unknown["is_described"]) == ("sold", False)


def test_the_made_up_feeds_arrive_complete_and_true(
    staging: Staging, tmp_path: Path
) -> None:
    market = Market(MarketSize(homes=2_000, weeks=4))
    count = 60
    write_drop(market, tmp_path / "in", count)
    dropper = ReaxmlDropper(market)
    files = [dropper.file(hour) for hour in range(count)]
    with psycopg.connect(staging.url) as conn:
        summary = ingest_reaxml(
            conn, tmp_path / "in", is_simulated=True, settle_seconds=0
        )
    staging.build()
    assert len(summary.moved) == count + count // 9
    assert summary.loaded == dropper.expected_records(count)
    ledger = rows_of(
        staging.url, "select sum(rows_read), sum(rows_rejected) from ops.source_files"
    )
    assert ledger == [
        (sum(f.records for f in files), sum(f.bad_records for f in files))
    ]
    expected = {
        key: (
            truth.kind,
            truth.status,
            truth.record_count,
            truth.is_under_offer,
            None if truth.lacks_price or truth.is_letting else truth.price,
            truth.sold_price or None,
            truth.bedrooms if truth.is_described else None,
            truth.is_described,
        )
        for key, truth in dropper.expected(count).items()
    }
    found = rows_of(
        staging.url,
        "select agent_id, unique_id, kind, status, record_count, is_under_offer, "
        "coalesce(price_low_aud, withheld_price_low_aud)::int, "
        "coalesce(sold_price_aud, withheld_sold_price_aud)::int, "
        "bedrooms::int, is_described from staging.stg_reaxml__listings",
    )
    lettings = {key for key, t in dropper.expected(count).items() if t.is_letting}
    without = {row[:2]: row[2:] for row in found}
    for key in lettings:
        for states in (expected, without):
            states[key] = (*states[key][:4], None, *states[key][5:])
    assert without == expected
    withheld = rows_of(
        staging.url,
        "select count(*) from staging.stg_reaxml__listings "
        "where withheld_sold_price_aud is not null",
    )
    assert withheld[0][0] == sum(
        bool(t.sold_price) and not t.is_sold_shown
        for t in dropper.expected(count).values()
    )
