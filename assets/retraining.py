"""What is known when it is asked whether to train: facts for `ml.retraining`.

The last training's own facts stand in the summary of its build (`ops.builds`), written
once it has ended well: a training that failed leaves none, so the next run asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from assets.builds import digest
from assets.champion import version_tags
from assets.feedback import champions_promise
from ml.features import TRAINING_RELATION, snapshot_id
from ml.feedback import experience_of
from ml.retraining import Facts, LastTraining

if TYPE_CHECKING:
    import pandas as pd

    from settings import Settings

TRAIN_BUILD = "train"
#: Tag of a run that wants a training as soon as the data changed, whatever else holds.
ASKED_TAG = "ausproperty/train_now"


@dataclass(frozen=True)
class Occasion:
    """Facts, and what the next training is to remember of this one."""

    facts: Facts
    memory: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Names recipe and data: the build's."""
        return digest(TRAIN_BUILD, self.facts.recipe, self.facts.snapshot)


def occasion(
    conn: psycopg.Connection, settings: Settings, tags: Mapping[str, str]
) -> Occasion:
    """Everything the decision needs, read in one transaction; commits."""
    from ml.fingerprint import code_fingerprint
    from ml.population import moved, population

    recipe = digest(
        "recipe",
        code_fingerprint(),
        str(settings.model.seed),
        str(settings.model.equity_share),
        str(settings.model.feedback_weight),
        settings.environment,
    )
    snapshot = snapshot_id(conn, TRAINING_RELATION)
    last, shapes = _last_training(conn)
    sales = _sale_count(conn)
    facts = Facts(
        now=datetime.now(UTC),
        last=last,
        recipe=recipe,
        snapshot=snapshot,
        sales=sales,
        asked=tags.get(ASKED_TAG) == "true",
    )
    if last is not None and (last.recipe, last.snapshot) == (recipe, snapshot):
        conn.commit()
        return Occasion(facts, {})
    homes = _homes(conn)
    promise = champions_promise(conn)
    found = (
        experience_of(conn, promise.version, promise.mdape, since=last.at)
        if promise is not None and last is not None
        else None
    )
    conn.commit()
    facts = replace(
        facts, promise=promise, experience=found, drift=moved(shapes, homes)
    )
    memory = {
        "recipe": recipe,
        "snapshot": snapshot,
        "sales": sales,
        "population": population(homes),
    }
    return Occasion(facts, memory)


def _last_training(
    conn: psycopg.Connection,
) -> tuple[LastTraining | None, Mapping[str, Any]]:
    """The last training that ended well, and the shape of the homes it was for.

    None where its version is not in the registry any more.
    """
    row = conn.execute(
        "select finished_at, summary from ops.builds where name = %s", [TRAIN_BUILD]
    ).fetchone()
    if row is None or not version_tags(conn, str(row[1].get("version"))):
        return None, {}
    at, summary = row
    last = LastTraining(
        at=at.astimezone(UTC),
        version=str(summary["version"]),
        recipe=str(summary.get("recipe", "")),
        snapshot=str(summary.get("snapshot", "")),
        sales=int(summary.get("sales", 0)),
    )
    return last, summary.get("population", {})


def _sale_count(conn: psycopg.Connection) -> int:
    row = conn.execute(
        "select count(*) from ml.training_features where is_bid = 0"
    ).fetchone()
    return int(row[0]) if row else 0


def _homes(conn: psycopg.Connection) -> pd.DataFrame:
    """Model inputs of the homes to be valued; of many the same sample each time."""
    from ml.features import PROPERTY_RELATION, model_inputs, read_property_features
    from ml.population import SAMPLE_ROWS

    row = conn.execute(
        "select reltuples from pg_class where oid = %s::regclass", [PROPERTY_RELATION]
    ).fetchone()
    rows = float(row[0]) if row else 0.0
    if rows <= SAMPLE_ROWS:
        return model_inputs(read_property_features(conn))
    conn.execute("drop table if exists sampled_homes")
    conn.execute(
        "create temporary table sampled_homes on commit drop as "
        "select * from ml.property_features tablesample bernoulli (%s) repeatable (1)",
        [100 * SAMPLE_ROWS / rows],
    )
    return model_inputs(read_property_features(conn, "sampled_homes"))
