from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.domain_api.clock import Clock
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.replies import Reply, Request
from simulator.domain_api.service import DomainApi
from simulator.fault_rates import Rates
from simulator.market import Market, MarketSize

SEARCH = "/v1/listings/residential/_search"
START = datetime(2024, 12, 23, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=2_000))


@pytest.fixture(scope="module")
def api(market: Market) -> DomainApi:
    return start(market)


def start(market: Market, **options: Any) -> DomainApi:
    """An API whose clock stands still until it is pushed."""
    return DomainApi(market, DomainOptions(**options), Clock(START, lambda: 0.0))


def ask(
    api: DomainApi, path: str = SEARCH, rates: Rates | None = None, **body: Any
) -> Reply:
    headers = {"x-api-key": api.options.api_key}
    plan = rates.begin("/") if rates else None
    return api.answer(
        Request("POST", path, {}, headers, json.dumps(body).encode(), plan)
    )


def items(api: DomainApi, **body: Any) -> list[dict[str, Any]]:
    """All pages of a search."""
    found: list[dict[str, Any]] = []
    for page in range(1, 30):
        reply = ask(api, **{"pageSize": 100, **body, "pageNumber": page})
        assert reply.status == 200
        answer = json.loads(reply.body)
        if not answer:
            return found
        found += answer
    raise AssertionError("the pages do not end")


def listings(api: DomainApi, **body: Any) -> list[dict[str, Any]]:
    return list(flat(items(api, **body)))


def flat(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in found:
        yield from item.get("listings", [item.get("listing")])


def ids(api: DomainApi, **body: Any) -> list[int]:
    return [listing["id"] for listing in listings(api, **body)]


def truth(api: DomainApi, **body: Any) -> list[int]:
    return list(api.truth(body)["ids"])


@pytest.mark.parametrize("kind", ["Sale", "Sold", "NewHomes"])
def test_all_pages_together_are_the_truth_once(api: DomainApi, kind: str) -> None:
    found = ids(api, listingType=kind, pageSize=37)
    assert len(found) == len(set(found))
    assert sorted(found) == truth(api, listingType=kind)
    assert len(found) > 3


def test_the_same_seed_gives_the_same_answers(api: DomainApi, market: Market) -> None:
    assert ask(start(market)).body == ask(api).body
    other = Market(MarketSize(seed=8, homes=2_000))
    assert ask(start(other)).body != ask(api).body


def test_paging_headers_and_the_empty_last_page(api: DomainApi) -> None:
    reply = ask(api, pageSize=50)
    headers = dict(reply.headers)
    assert headers["X-Pagination-PageNumber"] == "1"
    assert headers["X-Pagination-PageSize"] == "50"
    assert int(headers["X-Total-Count"]) == len(items(api))
    past = ask(api, pageSize=50, pageNumber=99)
    assert past.body == b"[]"
    assert dict(past.headers)["X-Total-Count"] == headers["X-Total-Count"]


@pytest.mark.parametrize(
    ("asked", "page", "size"),
    [
        ({}, "1", "20"),
        ({"pageNumber": 0}, "1", "20"),
        ({"pageNumber": -3, "pageSize": 0}, "1", "20"),
        ({"pageNumber": "x", "pageSize": 999}, "1", "200"),
        ({"pageNumber": 2, "pageSize": 200}, "2", "200"),
    ],
)
def test_odd_pages_are_the_first_and_sizes_have_a_limit(
    api: DomainApi, asked: dict[str, Any], page: str, size: str
) -> None:
    headers = dict(ask(api, **asked).headers)
    assert headers["X-Pagination-PageNumber"] == page
    assert headers["X-Pagination-PageSize"] == size


def test_the_total_can_be_missing(market: Market) -> None:
    reply = ask(start(market, with_total_count=False))
    assert "X-Total-Count" not in dict(reply.headers)


def test_only_the_first_of_many_are_shown(market: Market) -> None:
    api = start(market, ceiling=100)
    total = int(dict(ask(api).headers)["X-Total-Count"])
    assert total > 100
    assert len(items(api, pageSize=30)) == 100
    assert len(truth(api)) >= total


def test_a_search_split_by_suburb_finds_everything_once(
    api: DomainApi, market: Market
) -> None:
    parts = [
        ids(api, locations=[{"state": place.state, "suburb": place.name}])
        for place in market.localities
    ]
    assert sorted(number for part in parts for number in part) == truth(api)
    place = market.localities[3]
    for location in (
        {"postCode": place.postcode, "suburb": place.name.upper()},
        {"state": place.state, "suburb": place.name, "region": place.region},
    ):
        assert sorted(ids(api, locations=[location])) == sorted(parts[3])
    assert ids(api, locations=[{"suburb": "Nowhere"}]) == []
    both = [{"suburb": market.localities[number].name} for number in (3, 4)]
    assert len(ids(api, locations=both)) == len(parts[3]) + len(parts[4])


def test_price_bands_share_everything_out(api: DomainApi) -> None:
    bands = [(None, 699_999), (700_000, 1_099_999), (1_100_000, None)]
    found = [
        ids(api, **{n: v for n, v in (("minPrice", low), ("maxPrice", high)) if v})
        for low, high in bands
    ]
    assert all(found)
    assert sorted(number for band in found for number in band) == truth(api)


def test_filters_hold_for_what_is_found(api: DomainApi) -> None:
    found = listings(api, minBedrooms=3, maxBedrooms=3, propertyTypes=["House"])
    assert found
    for listing in found:
        assert listing["propertyDetails"]["bedrooms"] == 3.0
        assert listing["propertyDetails"]["propertyType"] == "House"
    one = found[0]["id"]
    assert ids(api, adIds=[one]) == [one]
    assert one not in ids(api, excludeAdIds=[one])
    office = found[0]["advertiser"]["id"]
    offices = {x["advertiser"]["id"] for x in listings(api, advertiserIds=[office])}
    assert offices == {office}
    priced = listings(api, excludePriceWithheld=True)
    assert len(priced) < len(truth(api))
    texts = {x.get("priceDetails", {}).get("displayPrice", "") for x in priced}
    assert not texts & {"Contact Agent", "Auction", "Price withheld"}


def test_windows_on_the_map(api: DomainApi, market: Market) -> None:
    place = market.localities[5]
    top = {"lat": place.latitude + 0.01, "lon": place.longitude - 0.01}
    bottom = {"lat": place.latitude - 0.01, "lon": place.longitude + 0.01}
    boxed = listings(api, geoWindow={"box": {"topLeft": top, "bottomRight": bottom}})
    centre = {"lat": place.latitude, "lon": place.longitude}
    circle = {"center": centre, "radiusInMeters": 600}
    round_about = ids(api, geoWindow={"circle": circle})
    assert boxed
    assert set(round_about) < {listing["id"] for listing in boxed}
    for listing in boxed:
        latitude = listing["propertyDetails"]["latitude"]
        assert bottom["lat"] <= latitude <= top["lat"]


@pytest.mark.parametrize(
    ("key", "direction", "sign"),
    [
        ("DateListed", None, -1),
        ("DateListed", "Ascending", 1),
        ("Suburb", None, 1),
    ],
)
def test_results_are_sorted(
    api: DomainApi, key: str, direction: str | None, sign: int
) -> None:
    sort = {"sortKey": key} | ({"direction": direction} if direction else {})
    found = [x["listing"] for x in items(api, sort=sort) if "listing" in x]
    values = [
        x["dateListed"] if key == "DateListed" else x["propertyDetails"]["suburb"]
        for x in found
    ]
    assert values == sorted(values, reverse=sign < 0)


def test_listed_since_and_updated_since(api: DomainApi) -> None:
    week_ago = (START - timedelta(days=7)).isoformat()
    fresh = listings(api, listedSince=week_ago)
    border = datetime.fromisoformat(week_ago).astimezone(UTC) + timedelta(hours=11)
    assert fresh
    assert all(
        x["dateListed"] >= border.replace(tzinfo=None).isoformat() for x in fresh
    )
    changed = ids(api, updatedSince=week_ago)
    assert {x["id"] for x in fresh} < set(changed)
    assert set(changed) < set(truth(api))


def test_what_changes_in_a_day_is_found_by_updated_since(market: Market) -> None:
    api = start(market)
    before = {kind: shown(api, kind) for kind in ("Sale", "Sold")}
    api.clock.advance(timedelta(days=1))
    for kind in ("Sale", "Sold"):
        after = shown(api, kind)
        changed = {
            number for number, text in after.items() if before[kind].get(number) != text
        }
        updated = set(ids(api, listingType=kind, updatedSince=START.isoformat()))
        assert changed
        assert changed <= updated


def shown(api: DomainApi, kind: str) -> dict[int, str]:
    """What is said of each listing, but for inspections, which come by themselves."""
    found = {}
    for listing in listings(api, listingType=kind):
        listing.pop("inspectionSchedule", None)
        listing.pop("labels", None)
        found[listing["id"]] = json.dumps(listing)
    return found


def test_pages_shift_while_the_market_moves(market: Market) -> None:
    api = start(market, minutes_per_search=720)
    sort = {"sortKey": "DateUpdated"}
    before = set(truth(api))
    found = ids(api, sort=sort, pageSize=20)
    assert len(found) != len(set(found)) or set(found) != before
    assert api.clock.moment() > START + timedelta(days=2)


def test_a_duplicate_page_is_the_one_before(api: DomainApi) -> None:
    rates = Rates(rates={"duplicate_page": 1.0})
    first = ask(api, rates=rates).body
    assert first == ask(api).body
    second = ask(api, rates=rates, pageNumber=2)
    assert second.body == first
    assert dict(second.headers)["X-Pagination-PageNumber"] == "2"
    assert rates.injected == {"duplicate_page": 1}


def test_a_reordered_page_comes_from_the_same_results(api: DomainApi) -> None:
    rates = Rates(rates={"reordered_page": 1.0})
    usual, other = (
        {listing["id"] for listing in flat(json.loads(reply.body))}
        for reply in (ask(api, pageSize=50), ask(api, rates=rates, pageSize=50))
    )
    assert usual != other
    assert other <= set(truth(api))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"listingType": "Lease"}, "listingType"),
        ({"sort": {"sortKey": "Colour"}}, "sortKey"),
        ({"sort": []}, None),
        ({"locations": "NSW"}, "locations"),
        ({"locations": ["NSW"]}, "location"),
        ({"minPrice": "cheap"}, "minPrice"),
        ({"propertyTypes": "House"}, "propertyTypes"),
        ({"adIds": ["1"]}, "adIds"),
        ({"updatedSince": "yesterday"}, "updatedSince"),
        ({"geoWindow": {"box": {"topLeft": {"lat": 1}}}}, "topLeft"),
    ],
)
def test_a_wrong_search_is_refused_by_field(
    api: DomainApi, body: dict[str, Any], field: str | None
) -> None:
    reply = ask(api, **body)
    if field is None:
        assert reply.status == 200
        return
    assert reply.status == 400
    assert field in json.loads(reply.body)["detail"]


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(api: DomainApi, text: bytes) -> None:
    headers = {"x-api-key": api.options.api_key}
    assert api.answer(Request("POST", SEARCH, {}, headers, text)).status == 400


def test_projects_hold_their_listings(api: DomainApi) -> None:
    found = items(api, listingType="NewHomes")
    assert found
    for item in found:
        assert item["type"] == "Project"
        for listing in item["listings"]:
            assert listing["projectId"] == item["project"]["id"]
            assert listing["listingType"] == "NewHomes"
    kinds = {item["type"] for item in items(api)}
    assert kinds == {"Project", "PropertyListing"}


def test_the_sister_searches_answer_an_object_or_204(api: DomainApi) -> None:
    path = "/v1/listingSearch/residential/"
    found: list[int] = []
    for page in range(1, 20):
        reply = ask(api, f"{path}searchSold", page=page, pageSize=100)
        if reply.status == 204:
            assert reply.body == b""
            break
        answer = json.loads(reply.body)
        assert answer["page"] == page
        found += [item["listing"]["id"] for item in answer["results"]]
        assert answer["totalResults"] == len(truth(api, listingType="Sold"))
    assert sorted(found) == truth(api, listingType="Sold")
    since = (START - timedelta(days=10)).isoformat()
    recent = ask(api, f"{path}searchSold", soldFrom=since, saleMethods=["Auction"])
    for item in json.loads(recent.body)["results"]:
        assert item["listing"]["soldData"]["soldDate"] >= "2024-12-10"
    assert ask(api, f"{path}search").status == 200
