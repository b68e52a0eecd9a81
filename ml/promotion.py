"""Who became champion: the append-only ledger of decisions.

Elsewhere: the gate (``gates``). Moving the alias belongs to ``registration`` after a
training, and to ``reviewing`` after a person's word.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ml.gates import Action, Decision, Gate

if TYPE_CHECKING:
    import psycopg


def record(
    connection: psycopg.Connection[Any],
    model_name: str,
    to_version: str,
    from_version: str | None,
    decision: Decision,
) -> bool:
    """Append the decision unless this version already has one of the same action.

    Returns whether a row was written. Runs in the caller's transaction and holds the
    ledger's lock until it ends, so two processes cannot write the same row.
    """
    with connection.cursor() as cursor:
        lock_ledger(connection)
        cursor.execute(
            """
            insert into ml.model_promotions
                (model_name, to_version, from_version, action, actor, reason, gates)
            select %(model)s, %(to)s, %(from)s, %(action)s, %(actor)s, %(reason)s,
                   %(gates)s::jsonb
            where not exists (
                select from ml.model_promotions
                where model_name = %(model)s and to_version = %(to)s
                  and action = %(action)s
            )
            """,
            {
                "model": model_name,
                "to": to_version,
                "from": from_version,
                "action": decision.action,
                "actor": decision.actor,
                "reason": decision.reason,
                "gates": json.dumps([asdict(gate) for gate in decision.gates]),
            },
        )
        return cursor.rowcount == 1


def recorded(
    connection: psycopg.Connection[Any], model_name: str, version: str
) -> Decision | None:
    """The newest decision of the gate about a version, if any."""
    row = connection.execute(
        """
        select action, actor, reason, gates from ml.model_promotions
        where model_name = %s and to_version = %s and jsonb_typeof(gates) = 'array'
        order by promotion_id desc limit 1
        """,
        (model_name, version),
    ).fetchone()
    if row is None:
        return None
    return Decision(row[0], row[1], row[2], tuple(Gate(**gate) for gate in row[3]))


@dataclass(frozen=True)
class Word:
    """What a person last said about a version."""

    action: Action
    actor: str
    reason: str


def last_word(
    connection: psycopg.Connection[Any], model_name: str, version: str
) -> Word | None:
    """The newest row about a version that no gate wrote, if any."""
    row = connection.execute(
        """
        select action, actor, reason from ml.model_promotions
        where model_name = %s and to_version = %s
          and action in ('approved', 'rejected', 'observed')
          and jsonb_typeof(gates) is distinct from 'array'
        order by promotion_id desc limit 1
        """,
        (model_name, version),
    ).fetchone()
    return Word(*row) if row else None


def champions(connection: psycopg.Connection[Any], model_name: str) -> list[str]:
    """The champions that stand on each other, the newest last.

    Going back takes those away that came after the one gone back to.
    """
    rows = connection.execute(
        "select to_version, action from ml.model_promotions where model_name = %s "
        "and action in ('approved', 'observed', 'rolled_back', 'reverted') "
        "order by promotion_id",
        (model_name,),
    ).fetchall()
    line: list[str] = []
    for version, action in rows:
        if action in ("approved", "observed"):
            line.append(str(version))
            continue
        while line and line[-1] != version:
            line.pop()
    return line


def lock_ledger(connection: psycopg.Connection[Any]) -> None:
    """Keep other writers out until the caller's transaction ends."""
    connection.execute("lock table ml.model_promotions in share row exclusive mode")


def append(
    connection: psycopg.Connection[Any],
    model_name: str,
    to_version: str,
    from_version: str | None,
    action: Action,
    actor: str,
    reason: str,
) -> None:
    """Write a person's decision, or what became of one, as a row of the ledger."""
    connection.execute(
        """
        insert into ml.model_promotions
            (model_name, to_version, from_version, action, actor, reason)
        values (%s, %s, %s, %s, %s, %s)
        """,
        (model_name, to_version, from_version, action, actor, reason),
    )
