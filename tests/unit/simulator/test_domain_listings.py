from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.domain_api.catalogue import Catalogue
from simulator.domain_api.clock import Clock
from simulator.domain_api.listings import (
    DAY,
    EARLIER,
    SALE,
    SECOND_AGENCY,
    Listing,
    home_of_property,
    property_id,
)
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.replies import Request
from simulator.domain_api.service import DomainApi
from simulator.domain_api.turnover import Turnover
from simulator.market import Market, MarketSize

START = datetime(2024, 12, 23, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=2_000))


@pytest.fixture
def api(market: Market) -> DomainApi:
    return DomainApi(market, clock=Clock(START, lambda: 0.0))


@pytest.fixture(scope="module")
def found(market: Market) -> list[Listing]:
    """All listings of a few weeks."""
    catalogue = Catalogue(market, 56)
    shelves = catalogue.shelves(market.localities, START.timestamp())
    return [listing for shelf in shelves for listing in shelf.listings]


def get(api: DomainApi, path: str, **query: str) -> Any:
    headers = {"x-api-key": DomainOptions().api_key}
    reply = api.answer(Request("GET", path, query, headers, b""))
    assert reply.status == 200, reply
    return json.loads(reply.body)


@pytest.mark.parametrize("state", ["NSW", "VIC"])
def test_sales_by_home_are_the_sales_by_week(market: Market, state: str) -> None:
    turnover = Turnover(market)
    weeks = range(46, 58)
    by_week = {
        (week, sale.home.number, sale.contract_date, sale.price_aud)
        for week in weeks
        for sale in market.sales(week, "NSW" if state == "NSW" else "VIC")
    }
    by_home = set()
    for place in market.localities:
        if place.state != state:
            continue
        for home, due, period in turnover.due_weeks(place, 40, 58):
            sale = turnover.sale(home, due, period)
            if sale.week in weeks:
                key = (sale.week, home, sale.contract_date, sale.price_aud)
                by_home.add(key)
    assert by_home == by_week
    assert len(by_week) > 100


def test_a_listing_is_found_again_by_its_id(
    market: Market, found: list[Listing]
) -> None:
    catalogue = Catalogue(market, 56)
    for listing in found[::7]:
        assert catalogue.listing(listing.id) == listing
    assert catalogue.listing(1) is None
    assert catalogue.listing(2**31 - 1) is None
    assert len({listing.id for listing in found}) == len(found)
    assert max(listing.id for listing in found) < 2**31


def test_ids_of_the_largest_market_fit(market: Market) -> None:
    large = Market(MarketSize(homes=2_000_000))
    catalogue = Catalogue(large, 56)
    now = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    for place in large.localities[::400]:
        for listing in next(iter(catalogue.shelves([place], now))).listings:
            assert listing.id < 2**31
            assert catalogue.listing(listing.id) == listing


def test_a_listing_goes_through_its_life(found: list[Listing]) -> None:
    words = set()
    for listing in found:
        seen: list[str] = []
        for second in range(listing.listed, listing.listed + 130 * DAY, DAY // 2):
            status = listing.status(second)
            if not seen or seen[-1] != status:
                seen.append(status)
        words.add(tuple(seen))
        assert seen[0] == "new"
        assert seen[-1] == "archived"
        if listing.variant == SALE:
            assert "sold" in seen
        assert listing.shelf(listing.listed - 1) == ""
        assert listing.shelf(listing.listed) == "Sale"
        times = [second for second, _ in listing.events]
        assert times == sorted(times)
    assert (
        "new",
        "live",
        "recentlyUpdated",
        "live",
        "underOffer",
        "sold",
        "archived",
    ) in words
    assert ("new", "live", "archived") in words


def test_the_odd_cases_are_all_there(found: list[Listing]) -> None:
    share = {
        "earlier attempt": sum(x.variant == EARLIER for x in found),
        "second agency": sum(x.variant == SECOND_AGENCY for x in found),
        "no property id": sum(not x.property_id for x in found),
        "hidden address": sum(not x.is_address_shown for x in found),
        "centre of suburb": sum(x.place == "suburb" for x in found),
        "no coordinates": sum(x.place == "none" for x in found),
        "price never": sum(x.reported_aud == 0 for x in found),
        "price later": sum(x.at("sold_price") is not None for x in found),
        "price withheld": sum(not x.is_price_shown for x in found),
    }
    for name, count in share.items():
        assert 0.005 < count / len(found) < 0.45, name


def test_a_withdrawn_home_comes_back_under_a_new_id(
    market: Market, found: list[Listing]
) -> None:
    catalogue = Catalogue(market, 56)
    attempts = [x for x in found if x.variant == EARLIER and x.property_id]
    assert attempts
    for attempt in attempts:
        withdrawn = attempt.at("withdrawn")
        assert withdrawn is not None
        again = catalogue.listing(attempt.id - EARLIER * market.size.homes)
        assert again is not None
        assert again.listed > withdrawn
        assert again.property_id in ("", attempt.property_id)
        assert again.id != attempt.id


def test_two_agencies_list_one_home_at_a_time(
    market: Market, found: list[Listing]
) -> None:
    catalogue = Catalogue(market, 56)
    doubles = [x for x in found if x.variant == SECOND_AGENCY]
    assert doubles
    for double in doubles:
        first = catalogue.listing(double.id - SECOND_AGENCY * market.size.homes)
        assert first is not None
        assert first.home == double.home
        assert first.agency != double.agency
        assert first.shelf(double.listed) == double.shelf(double.listed) == "Sale"


def test_details_follow_the_life(api: DomainApi, found: list[Listing]) -> None:
    listing = next(
        x
        for x in found
        if x.at("offer") and x.at("price") and x.at("sold_price") and x.is_price_shown
    )
    path = f"/v1/listings/{listing.id}"
    headers = {"x-api-key": DomainOptions().api_key}
    clock = Clock(datetime.fromtimestamp(listing.listed - 60, UTC), lambda: 0.0)
    own = DomainApi(api.catalogue.market, clock=clock)
    assert own.answer(Request("GET", path, {}, headers, b"")).status == 404
    clock.advance(timedelta(seconds=60))
    seen = []
    price = get(own, path)["priceDetails"]
    for second, stage in listing.events:
        clock.advance(timedelta(seconds=second) - timedelta(seconds=clock.now()))
        detail = get(own, path)
        seen.append((stage, detail["status"], detail["saleMode"]))
        assert detail["dateUpdated"][:10] >= detail["dateListed"][:10]
        sold = detail.get("saleDetails", {}).get("soldDetails")
        if stage == "price":
            assert detail["priceDetails"]["priceReduction"]
            assert detail["priceDetails"] != price
        elif stage == "sold":
            assert sold is not None
            assert "soldPrice" not in sold
            assert sold["soldDate"][:10] == listing.contract_date.isoformat()
        elif stage == "sold_price":
            assert sold["soldPrice"] == listing.reported_aud
        elif stage == "recorded":
            assert sold["governmentRecordedSoldPrice"] == listing.recorded_aud
        elif stage == "archived":
            assert detail["datePurged"] == detail["dateUpdated"]
    assert ("sold", "sold", "sold") in seen
    assert ("offer", "underOffer", "buy") in seen


def test_price_texts_take_every_form(api: DomainApi) -> None:
    texts = Counter()
    for kind in ("Sale", "Sold"):
        body = json.dumps({"listingType": kind, "pageSize": 200}).encode()
        headers = {"x-api-key": DomainOptions().api_key}
        path = "/v1/listings/residential/_search"
        reply = api.answer(Request("POST", path, {}, headers, body))
        for item in json.loads(reply.body):
            for listing in item.get("listings", [item.get("listing")]):
                text = listing.get("priceDetails", {}).get("displayPrice", "")
                texts["".join("9" if c.isdecimal() else c for c in text)] += 1
    forms = " | ".join(texts)
    for form in ("$9.99M - $9.99M", " to $", "Offers over 999k", "High $999,999's"):
        assert form in forms
    for form in (
        "Contact Agent",
        "Auction",
        "Price withheld",
        "SOLD",
        "SOLD - $999,999",
        "",
    ):
        assert form in texts


@pytest.mark.parametrize("number", [0, 1, 9_999, 10_000, 1_999_999])
def test_a_property_id_leads_back_to_its_home(number: int) -> None:
    text = property_id(number)
    assert home_of_property(text) == home_of_property(text.lower()) == number
    assert len(text) == len("RF-8884-AK")


@pytest.mark.parametrize("text", ["", "RF", "RF-88-AK", "AA-0001-AA", "1A-0001-AK"])
def test_what_is_no_property_id(text: str) -> None:
    assert home_of_property(text) is None


def test_a_property_tells_its_sales(api: DomainApi, found: list[Listing]) -> None:
    now = START.timestamp()
    listing = next(
        x
        for x in found
        if x.property_id and x.reached("recorded", now) and x.variant == SALE
    )
    answer = get(api, f"/v1/properties/{listing.property_id}")
    assert answer["streetNumber"] == listing.home.house_number
    newest = answer["history"]["sales"][0]
    assert newest["date"] == listing.contract_date.isoformat()
    assert newest["price"] == listing.recorded_aud
    assert newest["documentedAsSold"]
    assert newest["suppressPrice"] is not listing.is_price_shown
    dates = [sale["date"] for sale in answer["history"]["sales"]]
    assert dates == sorted(dates, reverse=True)


def test_a_property_on_the_market_names_its_advert(
    api: DomainApi, found: list[Listing]
) -> None:
    now = START.timestamp()
    listing = next(x for x in found if x.shelf(now) == "Sale" and x.property_id)
    answer = get(api, f"/v1/properties/{listing.property_id}")
    assert answer["status"] == "OnMarket"
    assert listing.id in [advert["advertId"] for advert in answer["adverts"]]


def test_an_address_is_suggested(api: DomainApi, market: Market) -> None:
    home = market.home(100)
    terms = f"{home.house_number} {home.street[0]} {home.locality.name}"
    answer = get(api, "/v1/properties/_suggest", terms=terms, pageSize="3")
    assert 1 <= len(answer) <= 3
    assert answer[0]["addressComponents"]["streetName"] == home.street[0]
    assert answer[0]["addressComponents"]["streetNumber"] == home.house_number
    scores = [one["relativeScore"] for one in answer]
    assert scores == sorted(scores, reverse=True)


def test_saturday_s_results_add_up(api: DomainApi) -> None:
    head = get(api, "/v1/salesResults/_head")
    assert head["auctionedDate"] == "2024-12-21"
    results = get(api, "/v1/salesResults/Melbourne/listings")
    summary = get(api, "/v1/salesResults/Melbourne")
    codes = Counter(result["result"] for result in results)
    assert codes["AUSD"] > 0
    sold = codes["AUSD"] + codes["AUSP"] + codes["AUSA"]
    assert summary["numberSold"] == sold
    auctions = sum(count for code, count in codes.items() if code.startswith("AU"))
    assert summary["numberListedForAuction"] == auctions + summary["numberUnreported"]
    assert 0 < summary["adjClearanceRate"] <= 1
    assert {result["state"] for result in results} == {"Vic"}
    assert get(api, "/v1/salesResults/Brisbane/listings") == []


def test_results_change_with_the_week(api: DomainApi) -> None:
    api.clock.advance(timedelta(days=5, hours=6))  # Saturday 19:00 in Sydney
    assert get(api, "/v1/salesResults/_head")["auctionedDate"] == "2024-12-28"


def test_suburb_performance_is_that_of_the_market_s_sales(
    api: DomainApi, market: Market
) -> None:
    place = next(x for x in market.localities if x.state == "VIC")
    path = f"/v2/suburbPerformanceStatistics/VIC/{place.name.replace(' ', '%20')}"
    answer = get(
        api,
        f"{path}/{place.postcode}",
        periodSize="quarters",
        startingPeriodRelativeToCurrent="2",
        totalPeriods="3",
    )
    periods = answer["series"]["seriesInfo"]
    assert [(x["year"], x["month"]) for x in periods] == [
        (2024, 3),
        (2024, 6),
        (2024, 9),
    ]
    begin, end = datetime(2024, 7, 1).date(), datetime(2024, 10, 1).date()  # noqa: DTZ001
    prices = sorted(
        sale.price_aud
        for week in range(104)
        for sale in market.sales(week, "VIC")
        if sale.home.locality == place
        and sale.home.kind in ("house", "townhouse")
        and begin <= sale.contract_date < end
    )
    values = periods[-1]["values"]
    assert values["numberSold"] == len(prices)
    assert values["highestSoldPrice"] == prices[-1]
    assert values["lowestSoldPrice"] == prices[0]
