"""What consumers submit of prices paid: taken, held for its price, or left for later.

Nobody steers a model by sending rows. Submitted prices are never training rows: a sale
is learnt when a publisher records it. They judge only through
``ml.judging_feedback``, where each source counts for a small share of what is recorded;
a recorded sale of the home outranks them (``feedback``); a price too far from the
standing estimate is held and used for nothing; and a source may send so many new rows a
day. The limits are rows of ``ml.feedback_policy``.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime

    import psycopg

_NAMESPACE = uuid.UUID("b5a7f0de-2a2c-5f0c-8d5f-4c1f3a0e7d92")


@dataclass(frozen=True)
class Policy:
    """Limits of one source; see ``ml.feedback_policy``."""

    rows_per_day: int
    plausible_factor: float


@dataclass(frozen=True)
class Submission:
    """One row to be kept: property and price (AUD) as the source states them."""

    line: int
    reference: str
    property_id: uuid.UUID
    price_aud: int
    contract_date: datetime.date


@dataclass(frozen=True)
class Home:
    """A known home: the id it stands under today, its standing estimate (AUD)."""

    property_id: uuid.UUID
    estimate_aud: int | None


@dataclass(frozen=True)
class Listed:
    """A submitted actual as it stands.

    ``status`` is accepted, held, rejected by a person, or outranked where a recorded
    sale speaks instead. ``word`` is what a person last said of it as it stands.
    """

    actual_id: uuid.UUID
    source: str
    reference: str
    property_id: uuid.UUID
    price_aud: int
    contract_date: datetime.date
    status: str
    reason: str | None
    submitted_at: datetime.datetime
    source_file: str
    source_row_number: int
    word: str | None


def policy_of(conn: psycopg.Connection[Any], source: str) -> Policy:
    """A source's limits, its own or those of all."""
    row = conn.execute(
        "select rows_per_day, plausible_factor from ml.feedback_policy "
        "where source in (%s, '*') order by source = '*' limit 1",
        [source],
    ).fetchone()
    return Policy(*row) if row else Policy(0, 1.0)


def lock_source(conn: psycopg.Connection[Any], source: str) -> None:
    """Let one submission of a source at a time pass; held until the transaction ends.

    Two at once would each see the whole limit left.
    """
    conn.execute(
        "select pg_advisory_xact_lock(hashtextextended('ml actuals ' || %s, 0))",
        [source],
    )


def allowance(conn: psycopg.Connection[Any], source: str, day: datetime.date) -> int:
    """How many new or changed rows the source may still send on a day (UTC)."""
    row = conn.execute(
        "select row_count from ml.submission_attempts where (source, day) = (%s, %s)",
        [source, day],
    ).fetchone()
    used = int(row[0]) if row else 0
    return max(0, policy_of(conn, source).rows_per_day - used)


def spend(
    conn: psycopg.Connection[Any], source: str, day: datetime.date, rows: int
) -> None:
    """Count rows against the source's day."""
    if rows:
        conn.execute(
            "insert into ml.submission_attempts as known values (%s, %s, %s) "
            "on conflict (source, day) do update "
            "set row_count = known.row_count + excluded.row_count",
            [source, day, rows],
        )


def homes(
    conn: psycopg.Connection[Any], property_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, Home]:
    """Known homes by the id that was asked for; merged ids lead to the survivor."""
    rows = conn.execute(
        """
        select asked.id, home.property_id, predicted.estimate_aud
        from unnest(%s::uuid[]) as asked (id)
        left join intermediate.int_property__redirects as redirect
            on redirect.from_property_id = asked.id
        inner join marts.properties as home
            on home.property_id = coalesce(redirect.to_property_id, asked.id)
        left join ml.current_predictions as standing
            on standing.property_id = home.property_id
        left join ml.price_predictions as predicted
            on predicted.prediction_id = standing.prediction_id
        """,
        [list(property_ids)],
    )
    return {asked: Home(final, estimate) for asked, final, estimate in rows}


def known(
    conn: psycopg.Connection[Any], source: str, references: Sequence[str]
) -> dict[str, tuple[uuid.UUID, int, datetime.date]]:
    """What stands under these references: property, price (AUD), contract date."""
    rows = conn.execute(
        "select reference, property_id, price_aud, contract_date "
        "from ml.submitted_actuals where source = %s and reference = any(%s)",
        [source, list(references)],
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def implausible(price_aud: int, home: Home, policy: Policy) -> str | None:
    """Why a price is held, None where it may be believed."""
    if home.estimate_aud is None:
        return None
    ratio = price_aud / home.estimate_aud
    if 1 / policy.plausible_factor <= ratio <= policy.plausible_factor:
        return None
    return (
        f"{price_aud:,} AUD is {ratio:.2f} times the standing estimate of "
        f"{home.estimate_aud:,} AUD (limit {policy.plausible_factor:g})"
    )


def keep(
    conn: psycopg.Connection[Any],
    source: str,
    row: Submission,
    home: Home,
    held_because: str | None,
    *,
    file: tuple[str, str],
    is_simulated: bool,
) -> None:
    """Write one row; a known reference is corrected. ``file``: name and SHA-256."""
    conn.execute(
        """
        insert into ml.submitted_actuals (actual_id, source, reference, property_id,
            price_aud, contract_date, status, reason, estimate_aud, source_file,
            source_row_number, file_sha256, is_simulated)
        values (%(id)s, %(source)s, %(reference)s, %(home)s, %(price)s, %(day)s,
            %(status)s, %(reason)s, %(estimate)s, %(file)s, %(line)s, %(sha)s,
            %(simulated)s)
        on conflict (source, reference) do update set
            property_id = excluded.property_id, price_aud = excluded.price_aud,
            contract_date = excluded.contract_date, status = excluded.status,
            reason = excluded.reason, estimate_aud = excluded.estimate_aud,
            source_file = excluded.source_file,
            source_row_number = excluded.source_row_number,
            file_sha256 = excluded.file_sha256, submitted_at = now()
        """,
        {
            "id": uuid.uuid5(_NAMESPACE, f"{source}|{row.reference}"),
            "source": source,
            "reference": row.reference,
            "home": home.property_id,
            "price": row.price_aud,
            "day": row.contract_date,
            "status": "held" if held_because else "accepted",
            "reason": held_because,
            "estimate": home.estimate_aud,
            "file": file[0],
            "line": row.line,
            "sha": file[1],
            "simulated": is_simulated,
        },
    )


def list_actuals(
    conn: psycopg.Connection[Any],
    source: str | None = None,
    status: str | None = None,
    limit: int = 50,
) -> list[Listed]:
    """Submitted actuals, newest first."""
    from ml.feedback import OUTRANKED_DAYS

    rows = conn.execute(
        """
        select * from (
            select actual.actual_id, actual.source, actual.reference,
                actual.property_id, actual.price_aud, actual.contract_date,
                case when actual.status = 'accepted' and recorded.sale_id is not null
                    then 'outranked' else actual.status end as stands,
                case when actual.status = 'accepted' and recorded.sale_id is not null
                    then format('recorded for %%s AUD on %%s', recorded.price_aud,
                        recorded.contract_date)
                    else actual.reason end,
                actual.submitted_at, actual.source_file, actual.source_row_number,
                said.word
            from ml.submitted_actuals as actual
            left join lateral (
                select format('%%s by %%s on %%s: %%s', decision, actor,
                    (decided_at at time zone 'UTC')::date, reason) as word
                from ml.actual_decisions as decided
                where decided.actual_id = actual.actual_id
                    and (decided.property_id, decided.price_aud, decided.contract_date)
                        = (actual.property_id, actual.price_aud, actual.contract_date)
                order by decision_id desc
                limit 1
            ) as said on true
            left join lateral (
                select sale.sale_id, sale.price_aud, sale.contract_date
                from marts.sales as sale
                where sale.property_id = coalesce((
                        select to_property_id
                        from intermediate.int_property__redirects
                        where from_property_id = actual.property_id
                    ), actual.property_id)
                    and sale.is_market_sale
                    and abs(sale.contract_date - actual.contract_date) <= %(days)s
                order by abs(sale.contract_date - actual.contract_date), sale.sale_id
                limit 1
            ) as recorded on true
        ) as actuals
        where (%(source)s::text is null or source = %(source)s)
            and (%(status)s::text is null or stands = %(status)s)
        order by submitted_at desc, source, source_file, source_row_number
        limit %(limit)s
        """,
        {
            "days": OUTRANKED_DAYS,
            "source": source,
            "status": status,
            "limit": limit,
        },
    )
    return [Listed(*row) for row in rows]
