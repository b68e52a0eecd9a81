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
from ml.tracking import CHAMPION, MODEL_NAME, Registry, RegistryError, Version

if TYPE_CHECKING:
    import psycopg

    from ml.gates import Decision

#: Who undoes a move that the gates forbid.
GATE_ACTOR = "gate"
#: What a model version is called where there is none.
NO_VERSION = "none"
#: Review state of a version whose gates' decision was not yet carried out.
UNDECIDED = "challenger"


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
        ReviewRefusedError: it failed its gates, none ever judged it, or a person
            rejected it, and ``force`` was not given; or it is champion already.
        RegistryError: there is no such version.
    """
    target = registry.version(version)
    promotion.lock_ledger(connection)
    champion = registry.alias(CHAMPION)
    if champion is not None and champion.version == target.version:
        raise ReviewRefusedError(f"Version {target.version} is the champion already.")
    against = objection(connection, target.version)
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

    One whose version was deleted in MLflow is passed over.

    Raises:
        ReviewRefusedError: there was none before it.
    """
    promotion.lock_ledger(connection)
    champion = registry.alias(CHAMPION)
    line = promotion.champions(connection, MODEL_NAME)
    if champion is not None and line and line[-1] == champion.version:
        line.pop()
    target = _last_standing(registry, line)
    if champion is None or target is None:
        raise ReviewRefusedError("There is no champion before this one to go back to.")
    move = _move(connection, registry, "rolled_back", champion, target, actor, reason)
    registry.set_tags(champion.version, _tags("rolled_back", actor, reason))
    return move


def settle_champion(
    connection: psycopg.Connection[Any], registry: Registry
) -> Move | None:
    """Judge a champion that the ledger does not know; None where it knows it.

    A reviewer who moved the alias in MLflow to a version that held its gates is
    written down. A move to one that did not is undone: the last good champion that
    still exists is champion again, or none where there was none. A promotion that a
    training wrote down and did not live to carry out is carried out.
    """
    promotion.lock_ledger(connection)
    line = promotion.champions(connection, MODEL_NAME)
    _finish_promotion(connection, registry, line)
    champion = registry.alias(CHAMPION)
    if champion is None or (line and line[-1] == champion.version):
        connection.commit()
        return None
    against = objection(connection, champion.version)
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
    target = _last_standing(registry, line)
    if target is not None:
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


def objection(connection: psycopg.Connection[Any], version: str) -> str:
    """What speaks against a version, to follow its name; empty for nothing."""
    word = promotion.last_word(connection, MODEL_NAME, version)
    if word is not None and word.action == "rejected":
        return f"was rejected by {word.actor} ({word.reason})"
    judged = promotion.recorded(connection, MODEL_NAME, version)
    if judged is None or not judged.gates:
        return "was never judged by the gates"
    failed = [gate.finding for gate in judged.gates if not gate.passed]
    return f"failed its gates ({'; '.join(failed)})" if failed else ""


def carry_out(registry: Registry, version: Version, decision: Decision) -> None:
    """Do what the ledger says of a training's version; ``review_state`` is set last."""
    if version.tags.get("review_state") != UNDECIDED:
        return
    if decision.promotes:
        registry.set_alias(CHAMPION, version.version)
    tags = _tags(decision.action, decision.actor, decision.reason)
    # The state last: while it is undecided, this is done again.
    state = tags.pop("review_state")
    registry.set_tags(version.version, tags | {"review_state": state})


def _finish_promotion(
    connection: psycopg.Connection[Any], registry: Registry, line: list[str]
) -> None:
    """The newest champion of the ledger, where its training died before the alias."""
    newest = _standing(registry, line[-1]) if line else None
    if newest is None:
        return
    decision = promotion.recorded(connection, MODEL_NAME, newest.version)
    if decision is not None and decision.promotes:
        carry_out(registry, newest, decision)


def _last_standing(registry: Registry, line: list[str]) -> Version | None:
    """The newest of the line that was not deleted in MLflow."""
    found = (_standing(registry, version) for version in reversed(line))
    return next((version for version in found if version is not None), None)


def _standing(registry: Registry, number: str) -> Version | None:
    try:
        return registry.version(number)
    except RegistryError:
        return None


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
