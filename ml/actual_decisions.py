"""People's word on submitted actuals: a held price released, a false one rejected.

The word holds for the property, price and day it was given on; sent again with others,
an actual is looked at anew. Elsewhere: what is held by itself (``actuals``).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from domain.errors import UserError

if TYPE_CHECKING:
    import psycopg

Decision = Literal["released", "rejected"]
#: What each makes of an actual, and of which it can be said.
_STATUS: dict[Decision, str] = {"released": "accepted", "rejected": "rejected"}
_OPEN_TO: dict[Decision, tuple[str, ...]] = {
    "released": ("held", "rejected"),
    "rejected": ("held", "accepted"),
}
_VERB: dict[Decision, str] = {"released": "release", "rejected": "reject"}


@dataclass(frozen=True)
class Decided:
    """An actual after a decision; ``changed`` is False where the same was said before.

    ``price_aud`` in whole AUD.
    """

    actual_id: uuid.UUID
    source: str
    reference: str
    price_aud: int
    status: str
    changed: bool


def decide(
    conn: psycopg.Connection[Any],
    actual: str,
    decision: Decision,
    *,
    actor: str,
    reason: str,
) -> Decided:
    """Write a person's word on an actual to the ledger and follow it; caller commits.

    ``actual`` is its id or how it begins. Said again, it changes nothing.

    Raises:
        UserError: no actual, or several, begin so; nobody or no reason is given; or
            there is nothing to release.
    """
    if not actor.strip() or not reason.strip():
        raise UserError("Say who decides and why: both are kept with the decision.")
    actual_id = _find(conn, actual)
    # Locked: two people at once would each see it held.
    row = conn.execute(
        "select source, reference, property_id, price_aud, contract_date, status, "
        "reason from ml.submitted_actuals where actual_id = %s for update",
        [actual_id],
    ).fetchone()
    assert row is not None
    source, reference, home, price, day, status, why = row
    told = Decided(actual_id, source, reference, price, _STATUS[decision], True)
    if status not in _OPEN_TO[decision]:
        if status == _STATUS[decision] and _last(conn, actual_id) == decision:
            return Decided(actual_id, source, reference, price, status, False)
        raise UserError(
            f"{source} {reference} is {status}: there is nothing to {_VERB[decision]}."
        )
    conn.execute(
        "insert into ml.actual_decisions (actual_id, decision, property_id, price_aud, "
        "contract_date, previous_status, previous_reason, actor, reason) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(actual_id, decision, home, price, day, status, why),
            *(actor.strip(), reason.strip()),
        ],
    )
    conn.execute(
        "update ml.submitted_actuals set status = %s, reason = %s where actual_id = %s",
        [
            told.status,
            f"{reason.strip()} ({actor.strip()})" if decision == "rejected" else None,
            actual_id,
        ],
    )
    return told


def _last(conn: psycopg.Connection[Any], actual_id: uuid.UUID) -> str | None:
    row = conn.execute(
        "select decision from ml.actual_decisions where actual_id = %s "
        "order by decision_id desc limit 1",
        [actual_id],
    ).fetchone()
    return None if row is None else str(row[0])


def _find(conn: psycopg.Connection[Any], id_or_prefix: str) -> uuid.UUID:
    """The one actual whose id begins so."""
    prefix = id_or_prefix.strip().lower()
    if not re.fullmatch(r"[0-9a-f-]{4,36}", prefix):
        raise UserError(
            f"{id_or_prefix!r} is no id of an actual: give at least its first four "
            "characters, as `actuals list` shows them."
        )
    found = conn.execute(
        "select actual_id from ml.submitted_actuals where actual_id::text like %s "
        "limit 2",
        [f"{prefix}%"],
    ).fetchall()
    if len(found) != 1:
        count = "Several actuals have" if found else "No actual has"
        raise UserError(f"{count} an id that begins with {prefix}.")
    return uuid.UUID(str(found[0][0]))
