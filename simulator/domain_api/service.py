"""The simulated Domain API as a whole: one request in, one reply out.

| path below the mount point | what |
| --- | --- |
| `POST /auth/v1/connect/token` | OAuth2 token for the client credentials |
| `POST /v1/listings/residential/_search` | search, a bare array |
| `POST /v1/listingSearch/residential/search`, `searchSold` | its sisters, an object |
| `GET /v1/listings/{id}` | details of one listing |
| `GET /v1/properties/{id}`, `/v1/properties/_suggest` | properties, by id or address |
| `GET /v1/salesResults/_head`, `{city}`, `{city}/listings` | last Saturday's results |
| `GET /v2/suburbPerformanceStatistics/{state}/{suburb}[/{postcode}]` | sold prices |

Also under `/sandbox`, as on the real host. Here: routes and their scopes, and the order
of refusals (route, credentials, quota). Elsewhere: each part's own rules.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import unquote

from simulator.domain_api.catalogue import Catalogue
from simulator.domain_api.clock import Clock
from simulator.domain_api.credentials import Credentials
from simulator.domain_api.detail_answers import detail_json
from simulator.domain_api.listings import Listing
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.performance_answers import (
    MAX_PERIODS,
    PERIOD_SIZES,
    performance_json,
    spans,
)
from simulator.domain_api.property_answers import property_of, suggestions
from simulator.domain_api.query import BadQuery, Query, read_query
from simulator.domain_api.quotas import Quotas
from simulator.domain_api.replies import Reply, Request, json_reply, problem
from simulator.domain_api.results_answers import (
    CITIES,
    head_json,
    listings_json,
    results,
    summary_json,
)
from simulator.domain_api.search import Searches
from simulator.domain_api.search_answers import item
from simulator.market import Market

_LISTINGS: Final = frozenset({"api_listings_read", "api_listings_write"})
_SISTERS: Final = frozenset({"api_listings_read"})
_PROPERTIES: Final = frozenset({"api_properties_read"})
_RESULTS: Final = frozenset({"api_salesresults_read"})
_PERFORMANCE: Final = frozenset({"api_suburbperformance_read"})

Route = tuple[str, re.Pattern[str], frozenset[str], Callable[..., Reply]]


class DomainApi:
    """The API over one market, with its clock, quotas and tokens."""

    def __init__(
        self,
        market: Market,
        options: DomainOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.options = options or DomainOptions()
        self.clock = clock or Clock(self.options.now or _start(market))
        self.credentials = Credentials(self.options, self.clock, market.size.seed)
        self.quotas = Quotas(self.options, self.clock)
        self.catalogue = Catalogue(market, self.options.sold_days)
        self.searches = Searches(self.catalogue)
        self._routes: tuple[Route, ...] = (
            ("POST", _path("v1/listings/residential/_search"), _LISTINGS, self._search),
            (
                "POST",
                _path("v1/listingSearch/residential/search"),
                _SISTERS,
                self._sister,
            ),
            (
                "POST",
                _path("v1/listingSearch/residential/searchSold"),
                _SISTERS,
                self._sold_sister,
            ),
            ("GET", _path(r"v1/listings/(\d+)"), _LISTINGS, self._detail),
            ("GET", _path("v1/properties/_suggest"), _PROPERTIES, self._suggest),
            ("GET", _path("v1/properties/([^/]+)"), _PROPERTIES, self._property),
            ("GET", _path("v1/salesResults/_head"), _RESULTS, self._head),
            ("GET", _path("v1/salesResults/([^/]+)"), _RESULTS, self._summary),
            ("GET", _path("v1/salesResults/([^/]+)/listings"), _RESULTS, self._results),
            (
                "GET",
                _path("v2/suburbPerformanceStatistics/([^/]+)/([^/]+)(?:/([^/]+))?"),
                _PERFORMANCE,
                self._performance,
            ),
        )

    def answer(self, request: Request) -> Reply:
        """The reply to one call."""
        path = request.path.removeprefix("/sandbox").rstrip("/")
        if path == "/auth/v1/connect/token":
            if request.method != "POST":
                return Reply(405)
            return self.quotas.take_token() or self.credentials.give_token(request)
        for method, pattern, scopes, act in self._routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if method != request.method:
                return Reply(405, headers=(("Allow", method),))
            refused = self.credentials.refusal(request, scopes)
            if refused is not None:
                return refused
            over, headers = self.quotas.take()
            return (over or self._act(act, request, found)).with_headers(*headers)
        return problem(404, "Not Found", "There is no such resource")

    def truth(self, body: dict[str, Any]) -> dict[str, Any]:
        """What a search would find if nothing cut it off: counts and all listing ids.

        Raises BadQuery. Ids are sorted; a project's listings count one by one.
        """
        query, key = self._query(body)
        now = self.clock.now()
        found = self.searches.run(query, key, now)
        ids = sorted(listing.id for items in found.items for listing in items)
        return {
            "now": self.clock.moment().isoformat(),
            "items": len(found.items),
            "listings": len(ids),
            "ids": ids,
        }

    def _act(
        self, act: Callable[..., Reply], request: Request, found: re.Match[str]
    ) -> Reply:
        words = [unquote(word or "") for word in found.groups()]
        try:
            return act(request, *words)
        except (BadQuery, ValueError) as error:
            return problem(400, "Bad Request", str(error))

    def _query(self, body: object) -> tuple[Query, str]:
        query = read_query(body, self.searches.places, self.options.page_limit)
        words = dict(body) if isinstance(body, dict) else {}
        for name in ("pageNumber", "pageSize", "page"):
            words.pop(name, None)
        return query, json.dumps(words, sort_keys=True)

    def _page(self, request: Request, body: object) -> tuple[Query, list[Any], int]:
        """The query, one page of items and the number of all items."""
        query, key = self._query(body)
        now = self.clock.now()
        self.clock.advance(timedelta(minutes=self.options.minutes_per_search))
        found = self.searches.run(query, key, now)
        items, page = found.items, query.page
        if page > 1 and request.takes("duplicate_page"):
            page -= 1
        if number := request.takes("reordered_page"):
            items = tuple(random.Random(number).sample(items, len(items)))
        begin = (page - 1) * query.page_size
        end = min(begin + query.page_size, self.options.ceiling)
        answer = [item(listings, now) for listings in items[begin:end]]
        return query, answer, len(items)

    def _search(self, request: Request) -> Reply:
        query, answer, total = self._page(request, json.loads(request.body or b"{}"))
        headers = [
            ("X-Pagination-PageNumber", str(query.page)),
            ("X-Pagination-PageSize", str(query.page_size)),
        ]
        if self.options.with_total_count:
            headers.append(("X-Total-Count", str(total)))
        return json_reply(answer, *headers)

    def _sister(self, request: Request, **fixed: str) -> Reply:
        body = json.loads(request.body or b"{}")
        if isinstance(body, dict):
            body |= fixed
        query, answer, total = self._page(request, body)
        if not answer:
            return Reply(204)
        pages = -(-min(total, self.options.ceiling) // query.page_size)
        return json_reply(
            {
                "results": answer,
                "totalResults": min(total, self.options.ceiling),
                "totalPages": pages,
                "page": query.page,
                "actualTotalResults": total,
                "actualTotalResultsExceedsMaximum": total > self.options.ceiling,
            }
        )

    def _sold_sister(self, request: Request) -> Reply:
        return self._sister(request, listingType="Sold")

    def _detail(self, request: Request, number: str) -> Reply:
        now = self.clock.now()
        listing = self.catalogue.listing(int(number))
        if listing is None or listing.listed > now:
            return problem(404, "Not Found", f"There is no listing {number}")
        return json_reply(detail_json(listing, now))

    def _property(self, request: Request, identity: str) -> Reply:
        found = property_of(self.catalogue, identity, self.clock.now())
        if found is None:
            return problem(404, "Not Found", f"There is no property {identity}")
        return json_reply(found)

    def _suggest(self, request: Request) -> Reply:
        terms = request.query.get("terms", "")
        if not terms.strip():
            raise BadQuery("terms must not be empty")
        words = set(terms.casefold().replace(",", " ").split())
        places = [
            place
            for place in self.catalogue.market.localities
            if set(place.name.casefold().split()) <= words
        ]
        limit = int(request.query.get("pageSize", "20"))
        return json_reply(suggestions(self.catalogue, places, terms, limit))

    def _head(self, request: Request) -> Reply:
        return json_reply(head_json(self.clock.now()))

    def _summary(self, request: Request, city: str) -> Reply:
        now = self.clock.now()
        return json_reply(summary_json(self._city(city, now), now))

    def _results(self, request: Request, city: str) -> Reply:
        return json_reply(listings_json(self._city(city, self.clock.now())))

    def _city(self, city: str, now: float) -> list[tuple[Listing, str]]:
        state = CITIES.get(city.casefold())
        if state is None:
            raise BadQuery(f"city must be one of {', '.join(CITIES).title()}")
        places = self.searches.places.get(f"state:{state.casefold()}", ())
        return results(self.catalogue, places, now)

    def _performance(
        self, request: Request, state: str, suburb: str, postcode: str
    ) -> Reply:
        places = [
            place
            for place in self.searches.places.get(f"suburb:{suburb.casefold()}", ())
            if place.state == state.upper() and postcode in ("", place.postcode)
        ]
        if not places:
            return problem(404, "Not Found", f"There is no suburb {suburb} in {state}")
        words = request.query
        category = words.get("propertyCategory", "House").title()
        size = words.get("periodSize", "quarters")
        if category not in ("House", "Unit") or size not in PERIOD_SIZES:
            raise BadQuery("propertyCategory or periodSize is not one of its words")
        start = int(words.get("startingPeriodRelativeToCurrent", "1"))
        count = int(words.get("totalPeriods", "4"))
        if not (1 <= start <= MAX_PERIODS and 1 <= count <= MAX_PERIODS):
            raise BadQuery(f"periods go from 1 to {MAX_PERIODS}")
        bedrooms = int(words["bedrooms"]) if "bedrooms" in words else None
        now = self.clock.now()
        return json_reply(
            performance_json(
                self.catalogue.turnover,
                places[0],
                category,
                bedrooms,
                spans(now, size, start, count),
                now,
            )
        )


def _path(pattern: str) -> re.Pattern[str]:
    return re.compile(f"/{pattern}")


def _start(market: Market) -> datetime:
    """02:00 UTC on the day of the newest weekly file."""
    newest = market.monday(market.size.weeks - 1)
    return datetime.combine(newest, time(2), UTC)
