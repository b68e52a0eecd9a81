"""Listings, events and prices of the marts against what the simulators know is true."""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from assets.landing.domain_api import ingest_domain_listings
from assets.landing.domain_records import (
    confirm_gone_listings,
    ingest_domain_details,
    ingest_domain_properties,
    ingest_domain_sales_results,
)
from assets.landing.reaxml import ingest_reaxml
from database.discarding import discard_batch
from simulator.domain_api.listings import EARLIER, SALE, Listing
from simulator.domain_api.wording import price_of, sold_price
from simulator.market import Market, MarketSize
from simulator.reaxml import DroppedFile, ReaxmlDropper, write_drop
from tests.domain_server import SALE as ON_SALE
from tests.domain_server import advance, api_of, domain_server
from tests.listing_build import ListingBuild

SOLD = {"listingType": "Sold"}
HOURS = 60
Rows = list[dict[str, Any]]


@pytest.fixture
def branch(database_url: str, tmp_path: Path) -> Iterator[ListingBuild]:
    before = dict(os.environ)
    yield ListingBuild(database_url, tmp_path / "dbt")
    for name in set(os.environ) - set(before):
        del os.environ[name]


def rows(url: str, query: str) -> Rows:
    with psycopg.connect(url, row_factory=dict_row) as conn:
        return conn.execute(query).fetchall()


def texts_by_listing(url: str) -> dict[str, str]:
    """All that marts say of a listing, as one text."""
    found: dict[str, str] = defaultdict(str)
    for table in (
        "marts.listings",
        "marts.listing_events",
        "intermediate.int_listing__price_events",
    ):
        for row in rows(
            url,
            f"select listing_id::text, (to_jsonb(t) - array['source_file', "
            f"'source_row_number', 'source_listing_id', 'source_record_id', "
            f"'listing_key', 'record_key'])::text as said from {table} t "
            "where listing_id is not null",
        ):
            found[row["listing_id"]] += row["said"]
    return found


class Pull:
    """Pulls of a simulated Domain API into one database."""

    def __init__(self, server: Any, url: str, landing: Path) -> None:
        self.server = server
        self._api = api_of(server)
        self._url = url
        self._common: dict[str, Any] = {
            "landing": landing,
            "is_simulated": True,
            "clock": server.domain.clock.moment,
        }

    def __call__(self, mode: str, *, confirm: bool = False) -> None:
        with psycopg.connect(self._url) as conn:
            common = self._common
            ingest_domain_listings(
                conn, self._api, [ON_SALE, SOLD], mode=mode, **common
            )  # type: ignore[arg-type]
            if confirm:
                confirm_gone_listings(conn, self._api, limit=5_000, **common)
            ingest_domain_details(conn, self._api, limit=5_000, **common)
            ingest_domain_properties(conn, self._api, limit=60, **common)
            ingest_domain_sales_results(conn, self._api, ["Sydney"], **common)


def test_domain_listings_stand_as_the_market_has_them(
    branch: ListingBuild, tmp_path: Path
) -> None:
    with domain_server(homes=1_500) as server:
        pull = Pull(server, branch.url, tmp_path / "landing")
        pull("full")
        branch.build()
        advance(server, days=9)
        pull("poll")
        branch.build()
        advance(server, days=24)
        # Those that are gone from their search are asked for themselves.
        pull("full", confirm=True)
        branch.build()
        now = server.domain.clock.now()
        catalogue = server.domain.catalogue
        found = rows(branch.url, "select * from marts.listings")
        truth = {
            row["source_listing_id"]: catalogue.listing(int(row["source_listing_id"]))
            for row in found
        }
    events = defaultdict(list)
    for event in rows(branch.url, "select * from marts.listing_events"):
        events[event["listing_id"]].append(event)
    seen = Counter()
    for row in found:
        listing = truth[row["source_listing_id"]]
        assert listing is not None
        seen[row["status"]] += 1
        _is_true(row, events[row["listing_id"]], listing, now)
    assert min(seen[word] for word in ("live", "sold", "withdrawn")) > 1, seen

    _homes_are_told_apart(found, truth)
    _relistings_are_found(found, truth, events)
    said = texts_by_listing(branch.url)
    hidden = 0
    for row in found:
        listing = truth[row["source_listing_id"]]
        if listing.is_price_shown or not listing.reached("sold", now):
            continue
        for amount in {listing.reported_aud, listing.recorded_aud} - {0, listing.guide}:
            hidden += 1
            assert str(amount) not in said[str(row["listing_id"])], row
    assert hidden > 0
    # Figures behind words are no prices.
    assert not rows(
        branch.url,
        "select 1 from intermediate.int_listing__price_events "
        "where price_kind in ('search_bracket', 'withheld') or event_kind is null",
    )
    kinds = Counter(
        row["event_kind"]
        for row in rows(
            branch.url, "select event_kind from intermediate.int_listing__price_events"
        )
    )
    assert min(kinds[kind] for kind in ("asking", "guide", "sold", "bid")) > 0, kinds

    increments = branch.snapshot()
    branch.build("--full-refresh")
    assert branch.snapshot() == increments


def _is_true(row: dict[str, Any], events: Rows, listing: Listing, now: float) -> None:
    told = listing.status(now)
    sold = listing.reached("sold", now)
    withdrawn = listing.reached("withdrawn", now)
    expected = (
        {"withdrawn"}
        if withdrawn and not sold
        else {"sold"}
        if sold
        # Searches do not tell a listing under offer from a live one.
        else {"live", "under_offer"}
        if told == "underOffer"
        else {"live"}
    )
    assert row["status"] in expected, (row, told)
    assert int(row["listed_at"].timestamp()) == listing.listed
    types = Counter(event["event_type"] for event in events)
    assert types["listed"] == 1
    assert (types["sold"] > 0) == sold
    assert (types["withdrawn"] > 0) == (row["status"] == "withdrawn")
    if sold:
        assert row["sold_date"] == listing.contract_date
        shown = sold_price(listing, now) if listing.is_price_shown else 0
        assert row["sold_price_aud"] in {shown or None, listing.recorded_aud}, row
        if not listing.is_price_shown:
            assert row["sold_price_aud"] is None
        days = (
            listing.contract_date - (row["listed_at"] + timedelta(hours=10)).date()
        ).days
        assert abs(row["days_on_market"] - days) <= 1
    else:
        price = price_of(listing, now)
        if listing.form(now) in (0, 1, 2, 3, 5):
            low = price.exact or price.low
            assert row["price_low_aud"] == pytest.approx(low, rel=0.01), (row, price)
        if listing.form(now) in (0, 1, 2):
            high = price.exact or price.high
            assert row["price_high_aud"] == pytest.approx(high, rel=0.01), (row, price)
        if listing.form(now) >= 6:
            assert row["price_low_aud"] is None
    if listing.place != "exact":
        assert row["latitude"] is None


def _homes_are_told_apart(found: Rows, truth: dict[str, Listing | None]) -> None:
    homes = defaultdict(set)
    for row in found:
        listing = truth[row["source_listing_id"]]
        assert listing is not None
        if row["is_address_shown"]:
            assert row["property_id"] is not None, row
        elif row["property_id"] is not None:
            assert row["identified_by"] == "portal"
        if row["property_id"] is not None:
            homes[row["property_id"]].add(listing.home.number)
    assert max(map(len, homes.values())) == 1
    assert any(row["property_id"] is None for row in found)


def _relistings_are_found(
    found: Rows, truth: dict[str, Listing | None], events: dict[Any, Rows]
) -> None:
    by_home = defaultdict(dict)
    for row in found:
        listing = truth[row["source_listing_id"]]
        assert listing is not None
        by_home[listing.home.number, listing.contract_date][listing.variant] = row
    relisted = 0
    for listings in by_home.values():
        if SALE in listings and EARLIER in listings:
            first, second = listings[EARLIER], listings[SALE]
            if None in (first["property_id"], second["property_id"]):
                continue
            relisted += 1
            assert [
                event["new_value"]
                for event in events[second["listing_id"]]
                if event["event_type"] == "relisted"
            ] == [str(first["listing_id"])]
    assert relisted > 0


def test_reaxml_listings_stand_as_their_agencies_sent_them(
    branch: ListingBuild, tmp_path: Path
) -> None:
    market = Market(MarketSize(homes=2_000, weeks=4))
    dropper = ReaxmlDropper(market)
    # Late files first, some of them twice; what is new is built lot by lot.
    files = list(dropper.files(HOURS))
    random.Random(4).shuffle(files)
    for lot in range(3):
        _land(branch.url, tmp_path / "in", files[lot::3])
        branch.build()
    increments = branch.snapshot()
    branch.build("--full-refresh")
    assert branch.snapshot() == increments

    found = {
        tuple(row["source_listing_id"].split("/")): row
        for row in rows(branch.url, "select * from marts.listings")
    }
    events = defaultdict(Counter)
    for event in rows(branch.url, "select * from marts.listing_events"):
        events[event["listing_id"]][event["event_type"]] += 1
    said = texts_by_listing(branch.url)
    expected = dropper.expected(HOURS)
    assert found.keys() == expected.keys()
    words = {"offmarket": "delisted", "current": "live"}
    withheld = 0
    for key, state in expected.items():
        row, happened = found[key], events[found[key]["listing_id"]]
        status = words.get(state.status, state.status)
        if state.status == "current" and state.is_under_offer:
            status = "under_offer"
        assert row["status"] == status, (row, state)
        assert (happened["sold"] > 0) == (status == "sold")
        assert (happened["under_offer"] > 0) == state.is_under_offer
        assert (happened["withdrawn"] > 0) == (status == "withdrawn")
        assert (happened["delisted"] > 0) == (status == "delisted")
        if row["listing_type"] == "sale":
            is_told = state.is_price_shown and not state.lacks_price
            assert row["price_low_aud"] == (state.price if is_told else None), row
            if not state.is_price_shown:
                withheld += 1
                assert row["price_kind"] == "withheld"
                if state.price != state.sold_price:
                    assert str(state.price) not in said[str(row["listing_id"])]
        if status == "sold":
            shown = state.sold_price if state.is_sold_shown else None
            assert row["sold_price_aud"] == shown
            if not state.is_sold_shown and state.sold_price != state.price:
                withheld += 1
                assert str(state.sold_price) not in said[str(row["listing_id"])]
    assert withheld > 10

    # A batch that is taken out again leaves nothing behind.
    with psycopg.connect(branch.url) as conn:
        batch = conn.execute(
            "select _batch_id from raw.reaxml__listings group by 1 "
            "order by count(*) desc limit 1"
        ).fetchone()
        assert batch is not None
        discard_batch(conn, batch[0], "test")
    branch.build()
    increments = branch.snapshot()
    branch.build("--full-refresh")
    assert branch.snapshot() == increments


def _land(url: str, folder: Path, files: Iterable[DroppedFile]) -> None:
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    with psycopg.connect(url) as conn:
        ingest_reaxml(conn, folder, is_simulated=True, settle_seconds=0)


def test_price_changes_of_a_feed_are_events_in_their_order(
    branch: ListingBuild, tmp_path: Path
) -> None:
    market = Market(MarketSize(homes=2_000, weeks=4))
    write_drop(market, tmp_path / "in", HOURS)
    with psycopg.connect(branch.url) as conn:
        ingest_reaxml(conn, tmp_path / "in", is_simulated=True, settle_seconds=0)
    branch.build()
    dropper = ReaxmlDropper(market)
    prices = defaultdict(list)
    for hour in range(HOURS):
        for place in range(8):
            for change in dropper.life(hour, place):
                state = change.state
                key = f"{state.agent_id}/{state.unique_id}"
                if change.file >= HOURS or state.kind in ("rental", "holidayRental"):
                    continue
                if change.event in ("listed", "priced") and not state.lacks_price:
                    if not prices[key] or prices[key][-1] != state.price:
                        prices[key].append(state.price)
                elif change.event == "hidden":
                    prices[key] = []
    told = defaultdict(list)
    for row in rows(
        branch.url,
        "select l.source_listing_id as key, e.new_low_aud as price "
        "from marts.listing_events e join marts.listings l using (listing_id) "
        "where e.event_type in ('listed', 'price_changed') and l.listing_type = 'sale' "
        "and l.price_kind is distinct from 'withheld' "
        "order by e.event_at, e.event_type",
    ):
        if row["price"] is not None:
            told[row["key"]].append(row["price"])
    assert {key: found for key, found in prices.items() if found} == told
    named = Counter(
        row["key"]
        for row in rows(
            branch.url,
            "select source_record_id as key "
            "from intermediate.int_listing__price_events "
            "where event_kind in ('asking', 'guide')",
        )
    )
    assert named == {key: len(found) for key, found in told.items()}
