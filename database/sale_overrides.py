"""Verdicts of people on sales: given, withdrawn, listed.

Belongs here: the append-only ledger `ops.sale_overrides` and what may be written to it.
What a verdict does to a sale is the SQL of `int_sale__validated`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from domain.errors import UserError

VERDICTS = ("market", "excluded")

#: What no verdict can make up for: nothing could be reckoned with such a sale.
_MISSING = {
    "not_a_sale": "it is a bid, not a transfer",
    "price_missing": "it has no price",
    "contract_date_missing": "it has no contract date",
    "address_not_identified": "its address identifies no dwelling",
}


@dataclass(frozen=True, slots=True)
class SaleOverride:
    """A decision on a sale, beside what the rules say of the sale now.

    `is_standing`: it is the newest of its sale and not a withdrawal.
    """

    sale_id: UUID
    verdict: str | None
    reason: str
    actor: str
    at: datetime
    is_standing: bool
    source_sale_id: str | None
    rule_exclusion_reasons: list[str] | None


def override_sale(
    conn: psycopg.Connection, sale_id: UUID, verdict: str, reason: str, actor: str
) -> None:
    """Have a person's verdict win over the rules, from the next build on; commits.

    Raises:
        UserError: no such sale, no such verdict, no reason, or a market verdict on what
            lacks a price, a date or a dwelling.
    """
    if verdict not in VERDICTS:
        raise UserError(f"A verdict is one of {', '.join(VERDICTS)}, not {verdict!r}.")
    told = _sale(conn, sale_id)
    missing = [_MISSING[name] for name in told if name in _MISSING]
    if verdict == "market" and missing:
        raise UserError(
            f"Sale {sale_id} cannot be a market sale: {' and '.join(missing)}."
        )
    _write(conn, sale_id, verdict, reason, actor)


def withdraw_override(
    conn: psycopg.Connection, sale_id: UUID, reason: str, actor: str
) -> None:
    """Give the rules their say again, from the next build on; commits.

    Raises:
        UserError: no override of the sale stands, or no reason is given.
    """
    row = conn.execute(
        "select withdrawn from ops.sale_overrides where sale_id = %s "
        "order by override_id desc limit 1",
        [sale_id],
    ).fetchone()
    if row is None or row[0]:
        raise UserError(f"No override of sale {sale_id} stands.")
    _write(conn, sale_id, None, reason, actor)


def list_overrides(
    conn: psycopg.Connection, *, standing_only: bool, limit: int
) -> list[SaleOverride]:
    """Decisions, newest first, with what the rules say of their sales."""
    with conn.cursor(row_factory=class_row(SaleOverride)) as cursor:
        return cursor.execute(
            """
            select * from (
                select
                    o.sale_id, o.verdict, o.reason, o.actor, o.at,
                    not o.withdrawn and o.override_id = max(o.override_id)
                        over (partition by o.sale_id) as is_standing,
                    s.source_sale_id, s.rule_exclusion_reasons
                from ops.sale_overrides o left join marts.sales s using (sale_id)
                order by o.override_id desc
            ) as told
            where is_standing or not %s limit %s
            """,
            [standing_only, limit],
        ).fetchall()


def _sale(conn: psycopg.Connection, sale_id: UUID) -> list[str]:
    """What the rules have against a sale."""
    row: tuple[Any, ...] | None = None
    if conn.execute("select to_regclass('marts.sales')").fetchone() != (None,):
        row = conn.execute(
            "select rule_exclusion_reasons from marts.sales where sale_id = %s",
            [sale_id],
        ).fetchone()
    if row is None:
        raise UserError(f"There is no sale {sale_id} in marts.sales.")
    return list(row[0])


def _write(
    conn: psycopg.Connection,
    sale_id: UUID,
    verdict: str | None,
    reason: str,
    actor: str,
) -> None:
    if not reason.strip() or not actor.strip():
        raise UserError("A decision needs a reason and the name of who decided.")
    conn.execute(
        "insert into ops.sale_overrides (sale_id, verdict, reason, actor, withdrawn) "
        "values (%s, %s, %s, %s, %s)",
        [sale_id, verdict, reason.strip(), actor.strip(), verdict is None],
    )
    conn.commit()
