"""Landing single records of the Domain API: details, properties, results, measures.

Belongs here: which records are due, and landing them a bundle at a time. Searches are
`domain_api`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psycopg

from assets.landing.common import Progress
from assets.landing.domain_api import Clock, DomainSummary, Landing, utc_now
from connectors.domain_api.api import DomainApi
from connectors.domain_api.bodies import ENDING, Body, BodyContainer, write_body
from connectors.domain_api.layout import SOURCE, Json
from database.fetch_state import get_mark, set_mark
from database.listing_watch import gone_from_search, note_details, wanting_details
from database.raw_loading import load_container
from domain.errors import PermanentError

#: Records landed in one file: what a kill can cost in calls.
BUNDLE = 20
_OVER = frozenset({"archived", "sold", "leased"})

T = TypeVar("T")
R = TypeVar("R")


def ingest_domain_details(
    conn: psycopg.Connection,
    api: DomainApi,
    *,
    landing: Path,
    is_simulated: bool,
    limit: int = 500,
    on_progress: Progress | None = None,
    clock: Clock = utc_now,
) -> DomainSummary:
    """Land the details of listings that are new or changed since, newest first.

    At most `limit` calls. Other arguments and errors as `ingest_domain_listings`.
    """
    with Landing(conn, "listing_details", api) as summary:
        due = wanting_details(conn, limit)
        _details(
            conn, api, due, summary, landing, is_simulated, clock, on_progress, False
        )
    return summary


def confirm_gone_listings(
    conn: psycopg.Connection,
    api: DomainApi,
    *,
    landing: Path,
    is_simulated: bool,
    limit: int = 200,
    on_progress: Progress | None = None,
    clock: Clock = utc_now,
) -> DomainSummary:
    """Ask listings that the last full sweep no longer showed what became of them.

    Until then they are not withdrawn. What they say goes to `confirmed_status` of
    `ops.domain_listings`: `withdrawn`, the listing's own status (`sold`, `archived`,
    `live`, ...), or `absent` where the API knows none such. At most `limit` calls.
    """
    with Landing(conn, "listing_details", api) as summary:
        due = gone_from_search(conn, SOURCE, limit)
        _details(
            conn, api, due, summary, landing, is_simulated, clock, on_progress, True
        )
    return summary


def _details(
    conn: psycopg.Connection,
    api: DomainApi,
    due: Sequence[tuple[int, str | None]],
    summary: DomainSummary,
    landing: Path,
    is_simulated: bool,
    clock: Clock,
    on_progress: Progress | None,
    is_gone: bool,
) -> None:
    done = 0
    asked = _ask_all(api, due, lambda item: api.listing(item[0]))
    for bundle in _bundles(asked):
        found = [record for _, record in bundle if record is not None]
        _land(
            *(conn, "listing_details", found, {}),
            *(summary, landing, is_simulated, clock),
        )
        outcomes = [
            (item[0], item[1], _standing(record, is_gone)) for item, record in bundle
        ]
        with conn.transaction():
            note_details(conn, outcomes, clock())
        summary.absent += len(bundle) - len(found)
        done += len(bundle)
        if on_progress is not None:
            on_progress(done, len(due))


def _standing(record: Json | None, is_gone: bool) -> str | None:
    """What a listing says of itself; None where that need not be remembered."""
    if record is None:
        return "absent"
    if not is_gone:
        return None
    if record.get("isWithdrawn") is True:
        return "withdrawn"
    return str(record.get("status") or "unknown")[:40]


def ingest_domain_properties(
    conn: psycopg.Connection,
    api: DomainApi,
    *,
    landing: Path,
    is_simulated: bool,
    limit: int = 200,
    every: timedelta = timedelta(days=90),
    on_progress: Progress | None = None,
    clock: Clock = utc_now,
) -> DomainSummary:
    """Land the properties that listing details name, each again after `every`."""
    with Landing(conn, "properties", api) as summary:
        rows = conn.execute(
            "select distinct details.domain_property_id "
            "from raw.domain__listing_details as details "
            "left join ops.fetch_marks as marked on marked.source = %s "
            "and marked.dataset = 'properties' "
            "and marked.name = details.domain_property_id "
            "where details.domain_property_id is not null "
            "and (marked.mark is null or marked.mark::timestamptz < %s) "
            "order by 1 limit %s",
            [SOURCE, clock() - every, limit],
        ).fetchall()
        conn.commit()
        due = [str(row[0]) for row in rows]
        done = 0
        for bundle in _bundles(_ask_all(api, due, api.property)):
            found = [record for _, record in bundle if record is not None]
            _land(conn, "properties", found, {}, summary, landing, is_simulated, clock)
            for name, _ in bundle:
                set_mark(conn, SOURCE, "properties", name, clock().isoformat())
            summary.absent += len(bundle) - len(found)
            done += len(bundle)
            if on_progress is not None:
                on_progress(done, len(due))
    return summary


def ingest_domain_sales_results(
    conn: psycopg.Connection,
    api: DomainApi,
    cities: Sequence[str],
    *,
    landing: Path,
    is_simulated: bool,
    on_progress: Progress | None = None,
    clock: Clock = utc_now,
) -> DomainSummary:
    """Land the auction results of cities; those unchanged since the last run are not.

    One call (`_head`) tells whether anything has changed, two fetch a city.
    """
    with Landing(conn, "sales_results", api) as summary:
        if not cities:
            return summary
        head = api.sales_head()
        day, changed = head.get("auctionedDate"), head.get("lastModifiedDateTime")
        mark = f"{day} {changed}"
        for number, city in enumerate(cities, start=1):
            known = get_mark(conn, SOURCE, "sales_results", city)
            if changed and known == mark:
                summary.unchanged += 1
            else:
                overview = api.sales_summary(city)
                results = api.sales_results(city)
                # The city's own day: the head may already be about the next Saturday.
                on = str(overview.get("auctionedDate") or day or "")[:10]
                around = {"city": city, "auctioned_on": on}
                _land(
                    *(conn, "sales_summaries", [overview], around),
                    *(summary, landing, is_simulated, clock),
                )
                _land(
                    *(conn, "sales_results", results, around),
                    *(summary, landing, is_simulated, clock),
                )
                set_mark(conn, SOURCE, "sales_results", city, mark)
            if on_progress is not None:
                on_progress(number, len(cities))
    return summary


def ingest_domain_suburb_performance(
    conn: psycopg.Connection,
    api: DomainApi,
    suburbs: Sequence[str],
    *,
    landing: Path,
    is_simulated: bool,
    categories: Sequence[str] = ("House", "Unit"),
    periods: int = 12,
    every: timedelta = timedelta(days=7),
    on_progress: Progress | None = None,
    clock: Clock = utc_now,
) -> DomainSummary:
    """Land quarterly measures of suburbs (`STATE/Suburb/postcode`), newest `periods`.

    Raises:
        PermanentError: a suburb is not written so; or as `ingest_domain_listings`.
    """
    places = [(*_suburb(text), category) for text in suburbs for category in categories]
    with Landing(conn, "suburb_performance", api) as summary:
        for number, place in enumerate(places, start=1):
            state, suburb, postcode, category = place
            name = "/".join(place)
            known = get_mark(conn, SOURCE, "suburb_performance", name)
            if known is not None and clock() - datetime.fromisoformat(known) < every:
                summary.unchanged += 1
            else:
                words = {
                    "propertyCategory": category,
                    "periodSize": "quarters",
                    "startingPeriodRelativeToCurrent": 1,
                    "totalPeriods": periods,
                }
                found = api.suburb_performance(state, suburb, postcode, words)
                around = {
                    "state": state,
                    "suburb": suburb,
                    "postcode": postcode,
                    "propertyCategory": category,
                    "periodSize": "quarters",
                }
                _land(
                    *(conn, "suburb_performance", [found] if found else [], around),
                    *(summary, landing, is_simulated, clock),
                )
                summary.absent += found is None
                set_mark(conn, SOURCE, "suburb_performance", name, clock().isoformat())
            if on_progress is not None:
                on_progress(number, len(places))
    return summary


def _suburb(text: str) -> tuple[str, str, str]:
    parts = [part.strip() for part in text.split("/")]
    if len(parts) != 3 or not all(parts):
        raise PermanentError(
            f"{text!r} is no suburb: write STATE/Suburb/postcode, like NSW/Manly/2095."
        )
    return parts[0].upper(), parts[1], parts[2]


def _ask_all(
    api: DomainApi, due: Iterable[T], ask: Callable[[T], R]
) -> Iterator[tuple[T, R]]:
    """Ask for many, several at once, in order; what came is yielded before an error."""
    workers = api.client.policy.max_in_flight
    with ThreadPoolExecutor(workers, "domain") as pool:
        items = iter(due)
        flying = [(item, pool.submit(ask, item)) for item in islice(items, workers)]
        while flying:
            item, future = flying.pop(0)
            try:
                result = future.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                for other, done in flying:
                    if not done.cancelled() and done.exception() is None:
                        yield other, done.result()
                raise
            else:
                yield item, result
            flying += [(other, pool.submit(ask, other)) for other in islice(items, 1)]


def _bundles(asked: Iterator[tuple[T, R]]) -> Iterator[list[tuple[T, R]]]:
    """Answers in bundles; the last one also when an error ends them."""
    bundle: list[tuple[T, R]] = []
    try:
        for pair in asked:
            bundle.append(pair)
            if len(bundle) >= BUNDLE:
                yield bundle
                bundle = []
    except Exception:
        if bundle:
            yield bundle
        raise
    if bundle:
        yield bundle


def _land(
    conn: psycopg.Connection,
    dataset: str,
    items: list[Any],
    around: Json,
    summary: DomainSummary,
    landing: Path,
    is_simulated: bool,
    clock: Clock,
) -> None:
    """Write one body and load it."""
    if not items:
        return
    now = clock()
    name = f"{dataset}/{now:%Y-%m-%d}/{now:%H%M%S}-{uuid4().hex[:12]}{ENDING}"
    path = landing / name
    write_body(path, Body(dataset, around, items, now, around))
    container = BodyContainer(name, path)
    summary.pages += 1
    summary.add(
        load_container(conn, container, container.target, is_simulated=is_simulated)
    )
