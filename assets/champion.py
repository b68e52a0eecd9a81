"""Which version is champion, without importing MLflow while nothing moved.

Sensors and unchanged runs ask this often, and importing MLflow costs 4 s of CPU.
Everything else about the registry goes through `ml.tracking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import psycopg

from assets import keys
from assets.warehouse import tracking_url
from ml.promotion import champions
from settings import Settings

if TYPE_CHECKING:
    from datetime import date

    from ml.reviewing import Move

CHAMPION = "champion"
MODEL_NAME = "property_valuation"
#: Check on the ledger: nobody made a version champion that failed its gates.
GATED_CHECK = "champion_held_its_gates"


def champion_version(conn: psycopg.Connection) -> str | None:
    """Version the champion alias points at, None if there is none."""
    row = conn.execute(
        "select to_regclass('mlflow.registered_model_aliases') is not null"
    ).fetchone()
    if row is None or not row[0]:
        return None
    found = conn.execute(
        "select version from mlflow.registered_model_aliases "
        "where name = %s and alias = %s",
        [MODEL_NAME, CHAMPION],
    ).fetchone()
    return str(found[0]) if found else None


def version_tags(conn: psycopg.Connection, version: str) -> dict[str, str]:
    """Tags of a version: what it was trained on, what its hold-out gave."""
    if not _has_versions(conn):
        return {}
    found = conn.execute(
        "select key, value from mlflow.model_version_tags "
        "where name = %s and version::text = %s",
        [MODEL_NAME, version],
    )
    return dict(found.fetchall())


def learnt_until(conn: psycopg.Connection) -> dict[str, date]:
    """Contract date of the last sale that each version learnt."""
    if not _has_versions(conn):
        return {}
    found = conn.execute(
        "select version::text, value::date from mlflow.model_version_tags "
        "where name = %s and key = 'train_last' and value <> ''",
        [MODEL_NAME],
    )
    return dict(found.fetchall())


def _has_versions(conn: psycopg.Connection) -> bool:
    row = conn.execute(
        "select to_regclass('mlflow.model_version_tags') is not null"
    ).fetchone()
    return row is not None and bool(row[0])


def settled_champion(
    conn: psycopg.Connection, settings: Settings, url: str
) -> tuple[str | None, Move | None]:
    """The champion after a move of the alias was judged, and what came of the move.

    No move (None) where the ledger knows the champion already. Commits.
    """
    version = champion_version(conn)
    line = champions(conn, MODEL_NAME)
    conn.commit()
    if version is None or (line and line[-1] == version):
        return version, None
    from ml.reviewing import settle_champion
    from ml.tracking import Registry

    move = settle_champion(conn, Registry(tracking_url(url), settings.artifacts_folder))
    version = champion_version(conn)
    conn.commit()
    return version, move


def champion_to_score_with(
    conn: psycopg.Connection,
    settings: Settings,
    url: str,
    log: dg.DagsterLogManager,
) -> tuple[str | None, Move | None]:
    """The same for a scoring, which a registry out of reach must not stop."""
    try:
        return settled_champion(conn, settings, url)
    except Exception as error:  # whatever MLflow or a driver raises: go on without
        conn.rollback()
        log.warning(f"A move of the alias champion could not be judged: {error}")
        version = champion_version(conn)
        conn.commit()
        return version, None


def gated(move: Move | None) -> dg.AssetCheckResult:
    """The check's verdict about a move of the alias, or about none."""
    undone = move if move is not None and move.is_undoing else None
    return dg.AssetCheckResult(
        asset_key=keys.PROMOTIONS,
        check_name=GATED_CHECK,
        passed=undone is None,
        severity=dg.AssetCheckSeverity.ERROR,
        description=undone.reason if undone else None,
        metadata={"champion": (move.to_version if move else None) or "as it was"},
    )


def reverted(move: Move) -> dg.AssetCheckEvaluation:
    """The same of a move that was undone, as a sensor tells it."""
    return dg.AssetCheckEvaluation(
        asset_key=keys.PROMOTIONS,
        check_name=GATED_CHECK,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=move.reason,
        metadata={"champion": move.to_version or "none"},
    )
