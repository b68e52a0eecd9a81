"""The command line's words for the Domain API simulator: `--domain-...`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from simulator.domain_api.options import DomainOptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the `--domain-...` options, with the defaults of `DomainOptions`."""
    default = DomainOptions()
    add = parser.add_argument_group("Domain API").add_argument
    add("--domain-client-id", default=default.client_id)
    add("--domain-client-secret", default=default.client_secret)
    add("--domain-api-key", default=default.api_key)
    add(
        "--domain-scopes",
        default=" ".join(sorted(default.scopes)),
        help="scopes granted, separated by spaces",
    )
    add(
        "--domain-token-seconds",
        type=int,
        default=default.token_seconds,
        help="seconds a token lives",
    )
    add("--domain-per-minute", type=int, default=0, help="calls a minute; 0: no limit")
    add("--domain-per-day", type=int, default=0, help="calls a day; 0: no limit")
    add(
        "--domain-gateway",
        choices=("new", "old", "both"),
        default=default.gateway,
        help="whose quota headers are sent",
    )
    add(
        "--domain-page-limit",
        type=int,
        default=default.page_limit,
        help="largest page; a larger pageSize gets this",
    )
    add(
        "--domain-ceiling",
        type=int,
        default=default.ceiling,
        help="results of one search that can be seen at most",
    )
    add(
        "--domain-no-total-count",
        action="store_true",
        help="leave X-Total-Count out, as the real API does at times",
    )
    add(
        "--domain-sold-days",
        type=int,
        default=default.sold_days,
        help="days a sold listing stays in searches",
    )
    add(
        "--domain-now",
        default="",
        metavar="TIME",
        help="the API's clock at the start, ISO with offset, or `real` for ours; "
        "02:00 UTC on the day of the newest weekly file otherwise",
    )
    add(
        "--domain-minutes-per-search",
        type=float,
        default=0.0,
        help="the clock moves on at every search, so that results shift between pages",
    )


def domain_options(words: argparse.Namespace) -> DomainOptions:
    """Options from the parsed words; ValueError, in a sentence, for a wrong one."""
    return DomainOptions(
        client_id=words.domain_client_id,
        client_secret=words.domain_client_secret,
        api_key=words.domain_api_key,
        scopes=frozenset(words.domain_scopes.split()),
        token_seconds=words.domain_token_seconds,
        per_minute=words.domain_per_minute,
        per_day=words.domain_per_day,
        gateway=words.domain_gateway,
        page_limit=words.domain_page_limit,
        ceiling=words.domain_ceiling,
        with_total_count=not words.domain_no_total_count,
        sold_days=words.domain_sold_days,
        now=_moment(words.domain_now),
        minutes_per_search=words.domain_minutes_per_search,
    )


def _moment(word: str) -> datetime | None:
    if not word:
        return None
    if word == "real":
        return datetime.now(UTC)
    try:
        return datetime.fromisoformat(word)
    except ValueError:
        raise ValueError(
            f"--domain-now {word!r} is neither `real` nor a time, "
            "2024-06-17T02:00:00+00:00"
        ) from None
