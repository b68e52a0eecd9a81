"""What people do with versions: approve, reject, go back; and what nobody may do.

Here: the moves of the champion alias after a training, each with its row in the ledger.
Elsewhere: the gate and the ledger itself (``promotion``), what a training leads to
(``registration``). A move is: ledger row, alias, tags, commit; killed before the commit
it is an unrecorded move of the alias, which :func:`settle_champion` judges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ml import promotion
from ml.tracking import CHAMPION, MODEL_NAME, Registry, Version

if TYPE_CHECKING:
    import psycopg

    from ml.promotion import Gate

#: Who undoes a move that the gates forbid.
GATE_ACTOR = "gate"
#: What a model version is called where there is none.
NO_VERSION = "none"


class ReviewRefusedError(ValueError):
    """The move is not allowed; says why, and what to do instead."""


@dataclass(frozen=True)
class Move:
    """A change of champion: ``to_version`` is None where none was left."""

    action: Literal["approved", "observed", "rolled_back", "reverted"]
    from_version: str | None
    to_version: str | None
    reason: str

    @property
    def is_undoing(self) -> bool:
        """Whether it took back a move of the alias that the gates forbid."""
        return self.action == "reverted"


def approve(
    connection: psycopg.Connection[Any],
    registry: Registry,
    version: str,
    *,
    actor: str,
    reason: str,
    force: bool = False,
) -> Move:
    """Make a version champion, by a person's word.

    Raises:
        ReviewRefusedError: it failed its gates, or none ever judged it, and ``force``
            was not given; or it is champion already.
        RegistryError: there is no such version.
    """
    target = registry.version(version)
    promotion.lock_ledger(connection)
    champion = registry.alias(CHAMPION)
    if champion is not None and champion.version == target.version:
        raise ReviewRefusedError(f"Version {target.version} is the champion already.")
    against = objection(promotion.gates_of(connection, MODEL_NAME, target.version))
    if against and not force:
        raise ReviewRefusedError(
            f"Version {target.version} {against}. To approve it all the same, say so "
            "with --force; your reason is kept."
        )
    if against:
        reason = f"forced although it {against}: {reason}"
    return _move(connection, registry, "approved", champion, target, actor, reason)


def reject(
    connection: psycopg.Connection[Any],
    registry: Registry,
    version: str,
    *,
    actor: str,
    reason: str,
) -> None:
    """Write down that a version is not to be used.

    Raises:
        ReviewRefusedError: it is the champion.
        RegistryError: there is no such version.
    """
    target = registry.version(version)
    promotion.lock_ledger(connection)
    champion = registry.alias(CHAMPION)
    if champion is not None and champion.version == target.version:
        raise ReviewRefusedError(
            f"Version {target.version} is the champion: go back to the one before it "
            "with `ausproperty model rollback`."
        )
    promotion.append(
        connection, MODEL_NAME, target.version, None, "rejected", actor, reason
    )
    registry.set_tags(target.version, _tags("rejected", actor, reason))
    connection.commit()


def roll_back(
    connection: psycopg.Connection[Any],
    registry: Registry,
    *,
    actor: str,
    reason: str,
) -> Move:
    """Make the champion before this one champion again.

    Raises:
        ReviewRefusedError: there was none before it.
    """
    promotion.lock_ledger(connection)
    champion = registry.alias(CHAMPION)
    line = promotion.champions(connection, MODEL_NAME)
    if champion is not None and line and line[-1] == champion.version:
        line.pop()
    if champion is None or not line:
        raise ReviewRefusedError("There is no champion before this one to go back to.")
    target = registry.version(line[-1])
    move = _move(connection, registry, "rolled_back", champion, target, actor, reason)
    registry.set_tags(champion.version, _tags("rolled_back", actor, reason))
    return move


def settle_champion(
    connection: psycopg.Connection[Any], registry: Registry
) -> Move | None:
    """Judge a champion that the ledger does not know; None where it knows it.

    A reviewer who moved the alias in MLflow to a version that held its gates is
    written down. A move to one that did not is undone: the last good champion is
    champion again, or none where there was none.
    """
    promotion.lock_ledger(connection)
    champion = registry.alias(CHAMPION)
    line = promotion.champions(connection, MODEL_NAME)
    if champion is None or (line and line[-1] == champion.version):
        connection.commit()
        return None
    against = objection(promotion.gates_of(connection, MODEL_NAME, champion.version))
    if not against:
        before = line[-1] if line else None
        actor, reason = "reviewer in MLflow", "alias champion was moved"
        promotion.append(
            connection,
            MODEL_NAME,
            champion.version,
            before,
            "observed",
            actor,
            reason,
        )
        registry.set_tags(
            champion.version, _tags("approved_by_reviewer", actor, reason)
        )
        connection.commit()
        return Move("observed", before, champion.version, reason)
    reason = (
        f"alias champion was moved to version {champion.version}, which {against}; "
        "`ausproperty model approve --force` is the way to do that, with a reason"
    )
    if line:
        target = registry.version(line[-1])
        move = _move(
            connection, registry, "reverted", champion, target, GATE_ACTOR, reason
        )
    else:
        promotion.append(
            connection,
            MODEL_NAME,
            NO_VERSION,
            champion.version,
            "reverted",
            GATE_ACTOR,
            reason,
        )
        registry.delete_alias(CHAMPION)
        connection.commit()
        move = Move("reverted", champion.version, None, reason)
    registry.set_tags(champion.version, _tags("reverted", GATE_ACTOR, reason))
    return move


def objection(gates: tuple[Gate, ...]) -> str:
    """What speaks against a version, to follow its name; empty for nothing."""
    if not gates:
        return "was never judged by the gates"
    failed = [gate.finding for gate in gates if not gate.passed]
    return f"failed its gates ({'; '.join(failed)})" if failed else ""


def _move(
    connection: psycopg.Connection[Any],
    registry: Registry,
    action: Literal["approved", "rolled_back", "reverted"],
    champion: Version | None,
    target: Version,
    actor: str,
    reason: str,
) -> Move:
    before = champion.version if champion else None
    promotion.append(
        connection, MODEL_NAME, target.version, before, action, actor, reason
    )
    registry.set_alias(CHAMPION, target.version)
    registry.set_tags(target.version, _tags("approved", actor, reason))
    connection.commit()
    return Move(action, before, target.version, reason)


def _tags(state: str, actor: str, reason: str) -> dict[str, str]:
    return {
        "review_state": state,
        "review_actor": actor,
        "review_reason": reason[:4000],
    }
