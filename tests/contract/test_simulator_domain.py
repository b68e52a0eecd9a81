"""The simulated Domain API against the published field list, and against our own.

The published list (real file, not in the repository) has names, JSON types and enums of
every endpoint. Where it is absent the connector's own lists of names stand in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.domain_api import fields
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.replies import Reply, Request
from simulator.domain_api.service import DomainApi
from simulator.market import Market, MarketSize

Check = Callable[[str, Any], list[str]]
SEARCH = "/v1/listings/residential/_search"


@pytest.fixture(scope="module")
def api() -> DomainApi:
    return DomainApi(Market(MarketSize(homes=4_000)))


def ask(api: DomainApi, path: str, body: Any = None, **query: str) -> Reply:
    request = Request(
        method="GET" if body is None else "POST",
        path=path,
        query=query,
        headers={"x-api-key": DomainOptions().api_key},
        body=b"" if body is None else json.dumps(body).encode(),
    )
    return api.answer(request)


def pages(api: DomainApi, path: str, body: dict[str, Any]) -> Iterator[Any]:
    word = "page" if "listingSearch" in path else "pageNumber"
    for number in range(1, 12):
        reply = ask(api, path, {**body, "pageSize": 100, word: number})
        if reply.status == 204 or reply.body == b"[]":
            return
        assert reply.status == 200
        yield json.loads(reply.body)


def samples(api: DomainApi) -> Iterator[tuple[str, str, Any]]:
    """(method, path of the published list, answer) of every endpoint there is."""
    ids: list[int] = []
    for kind in ("Sale", "Sold", "NewHomes"):
        for page in pages(api, SEARCH, {"listingType": kind}):
            yield "POST", SEARCH, page
            ids += [item["listing"]["id"] for item in page if "listing" in item][::20]
    for path in ("search", "searchSold"):
        whole = f"/v1/listingSearch/residential/{path}"
        for page in pages(api, whole, {}):
            yield "POST", whole, page
    places = {
        home.locality.number: home.locality
        for home in map(api.catalogue.market.home, range(0, 4_000, 97))
    }
    properties = set()
    for number in ids:
        detail = json.loads(ask(api, f"/v1/listings/{number}").body)
        yield "GET", "/v1/listings/{id}", detail
        properties.add(detail.get("propertyId", ""))
    for identity in sorted(properties - {""}):
        yield (
            "GET",
            "/v1/properties/{id}",
            json.loads(ask(api, f"/v1/properties/{identity}").body),
        )
    for place in places.values():
        reply = ask(api, "/v1/properties/_suggest", terms=f"2 {place.name}")
        yield "GET", "/v1/properties/_suggest", json.loads(reply.body)
        path = f"/v2/suburbPerformanceStatistics/{place.state}/{place.name}"
        yield (
            "GET",
            "/v2/suburbPerformanceStatistics/{state}/{suburb}/{postcode}",
            json.loads(ask(api, f"{path}/{place.postcode}").body),
        )
    for city in ("Sydney", "Melbourne", "Brisbane"):
        for path in (f"/v1/salesResults/{city}", f"/v1/salesResults/{city}/listings"):
            published = path.replace(city, "{city}")
            yield "GET", published, json.loads(ask(api, path).body)
    head = json.loads(ask(api, "/v1/salesResults/_head").body)
    yield "GET", "/v1/salesResults/_head", head


@pytest.fixture(scope="module")
def answers(api: DomainApi) -> list[tuple[str, str, Any]]:
    return list(samples(api))


def checker(document: dict[str, Any]) -> Callable[[dict[str, Any]], Check]:
    """Makes checks, value to list of complaints, out of the published shapes."""

    def check(shape: dict[str, Any]) -> Check:
        def complaints(where: str, value: Any) -> list[str]:
            if "ref" in shape:
                return check(document["schemas"][shape["ref"]])(where, value)
            if "array" in shape:
                if not isinstance(value, list):
                    return [f"{where}: no array"]
                inner = check(shape["array"])
                return [text for one in value for text in inner(f"{where}[]", one)]
            names = shape.get("fields") or shape.get("object")
            if names is not None:
                return fields_of(where, value, names, shape.get("required", []))
            return scalar(where, value, shape)

        def fields_of(
            where: str, value: Any, names: dict[str, Any], required: list[str]
        ) -> list[str]:
            if not isinstance(value, dict):
                return [f"{where}: no object"]
            found = [f"{where}: lacks {name}" for name in required if name not in value]
            for name, one in value.items():
                if name in names:
                    found += check(names[name])(f"{where}.{name}", one)
                else:
                    found.append(f"{where}.{name}: not published")
            return found

        return complaints

    return check


def scalar(where: str, value: Any, shape: dict[str, Any]) -> list[str]:
    if value is None:
        # "0 or null = no data" has been seen of the suburb series.
        is_allowed = shape.get("nullable") or ".values." in where
        return [] if is_allowed else [f"{where}: null"]
    if "enum" in shape and value not in shape["enum"]:
        return [f"{where}: {value!r} is not in the enum"]
    kind = str(shape.get("type", "string")).partition(":")[0]
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (bool,),
        "object": (dict,),
    }
    is_right = isinstance(value, kinds[kind]) and (
        kind == "boolean" or not isinstance(value, bool)
    )
    return [] if is_right else [f"{where}: {value!r} is no {kind}"]


def test_answers_hold_published_fields_types_and_enums_only(
    answers: list[tuple[str, str, Any]], shared_data: Path
) -> None:
    source = shared_data / "domain_api_schema" / "domain_api_fields.json"
    document = json.loads(source.read_text(encoding="utf-8"))
    shapes = {
        (endpoint["method"], endpoint["path"]): endpoint["responses"].get("200")
        for endpoint in document["endpoints"]
    }
    check = checker(document)
    seen = set()
    for method, path, answer in answers:
        seen.add(path)
        assert check(shapes[method, path])(path, answer) == []
    assert len(seen) == 10


def test_routes_and_scopes_are_the_published_ones(
    api: DomainApi, shared_data: Path
) -> None:
    source = shared_data / "domain_api_schema" / "domain_api_fields.json"
    document = json.loads(source.read_text(encoding="utf-8"))
    published = {
        (endpoint["method"], endpoint["path"]): set(endpoint["scopes"])
        for endpoint in document["endpoints"]
    }
    matched = 0
    for (method, path), scopes in published.items():
        for own_method, pattern, own_scopes, _ in api._routes:
            if own_method == method and pattern.fullmatch(path.replace("{id}", "1")):
                assert own_scopes == scopes
                matched += 1
                break
    assert matched >= 10


def paths(value: Any, below: str = "") -> Iterator[str]:
    """Dotted paths of all keys, `[]` for what is below an array."""
    if isinstance(value, list):
        for one in value:
            yield from paths(one, f"{below}[]")
    elif isinstance(value, dict):
        for name, one in value.items():
            path = f"{below}.{name}" if below else name
            yield path
            yield from paths(one, path)


def test_the_connector_knows_every_field(
    answers: list[tuple[str, str, Any]],
) -> None:
    known = {
        "/v1/listings/{id}": fields.LISTING_FIELDS,
        "/v1/properties/{id}": fields.PROPERTY_FIELDS,
        "/v1/salesResults/{city}": fields.SALES_SUMMARY_FIELDS,
        "/v2/suburbPerformanceStatistics/{state}/{suburb}/{postcode}": (
            fields.SUBURB_PERFORMANCE_FIELDS
        ),
    }
    seen = set()
    for _, path, answer in answers:
        if path == SEARCH:
            for item in answer:
                for listing in [item.get("listing"), *item.get("listings", [])]:
                    found = set(paths(listing or {}))
                    assert found <= fields.SEARCH_LISTING_FIELDS
                    seen |= found
                around = set(paths(item.get("project", {}), "project"))
                assert around <= fields.SEARCH_ITEM_FIELDS
        elif path in known:
            assert set(paths(answer)) <= known[path]
    # What a listing may have, the simulator shows, but for these.
    unseen = fields.SEARCH_LISTING_FIELDS - seen
    assert unseen <= {
        "advertiser.bannerUrl",
        "advertiser.contacts[].photoUrl",
        "dateAvailable",
        "propertyDetails.onlyShowProperties",
        "propertyDetails.tags",
        "propertyDetails.topSpotKeywords",
    }


def test_search_answers_leave_out_what_is_null_or_blank(
    answers: list[tuple[str, str, Any]],
) -> None:
    def blanks(value: Any) -> bool:
        if isinstance(value, dict):
            return any(one in (None, "", {}) or blanks(one) for one in value.values())
        if isinstance(value, list):
            return any(map(blanks, value))
        return False

    for _, path, answer in answers:
        if path == SEARCH:
            assert not blanks(answer)
