"""The simulated Domain API as a whole: one request in, one reply out.

| path below the mount point | what |
| --- | --- |
| `POST /auth/v1/connect/token` | OAuth2 token for the client credentials |
| `POST /v1/listings/residential/_search` | search, a bare array |
| `GET /v1/listings/{id}` | details of one listing |

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

from simulator.domain_api.catalogue import Catalogue
from simulator.domain_api.clock import Clock
from simulator.domain_api.credentials import Credentials
from simulator.domain_api.detail_answers import detail_json
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.query import BadQuery, Query, read_query
from simulator.domain_api.quotas import Quotas
from simulator.domain_api.replies import Reply, Request, json_reply, problem
from simulator.domain_api.search import Searches
from simulator.domain_api.search_answers import item
from simulator.market import Market

_LISTINGS: Final = frozenset({"api_listings_read", "api_listings_write"})

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
        self.searches = Searches(Catalogue(market, self.options.sold_days))
        self._routes: tuple[Route, ...] = (
            (
                "POST",
                re.compile(r"/v1/listings/residential/_search"),
                _LISTINGS,
                self._search,
            ),
            ("GET", re.compile(r"/v1/listings/(\d+)"), _LISTINGS, self._detail),
        )

    def answer(self, request: Request) -> Reply:
        """The reply to one call."""
        path = request.path.removeprefix("/sandbox").rstrip("/")
        if path == "/auth/v1/connect/token":
            if request.method != "POST":
                return Reply(405)
            return self.credentials.give_token(request)
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
            reply = over or act(request, *found.groups())
            return reply.with_headers(*headers)
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

    def _query(self, body: object) -> tuple[Query, str]:
        query = read_query(body, self.searches.places, self.options.page_limit)
        words = dict(body) if isinstance(body, dict) else {}
        for name in ("pageNumber", "pageSize", "page"):
            words.pop(name, None)
        return query, json.dumps(words, sort_keys=True)

    def _search(self, request: Request) -> Reply:
        try:
            query, key = self._query(json.loads(request.body or b"{}"))
        except (BadQuery, ValueError) as error:
            return problem(400, "Bad Request", str(error))
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
        headers = [
            ("X-Pagination-PageNumber", str(query.page)),
            ("X-Pagination-PageSize", str(query.page_size)),
        ]
        if self.options.with_total_count:
            headers.append(("X-Total-Count", str(len(found.items))))
        return json_reply(answer, *headers)

    def _detail(self, request: Request, number: str) -> Reply:
        now = self.clock.now()
        listing = self.searches.catalogue.listing(int(number))
        if listing is None or listing.listed > now:
            return problem(404, "Not Found", f"There is no listing {number}")
        return json_reply(detail_json(listing, now))


def _start(market: Market) -> datetime:
    """02:00 UTC on the day of the newest weekly file."""
    newest = market.monday(market.size.weeks - 1)
    return datetime.combine(newest, time(2), UTC)
