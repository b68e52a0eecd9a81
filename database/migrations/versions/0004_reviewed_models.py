"""Reviews of models: going back to an earlier champion, undoing ungated moves."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Let the ledger say what became of a champion."""
    op.get_bind().exec_driver_sql((_SQL / "0004_reviews.sql").read_text())


def downgrade() -> None:
    """Refuse: decisions of people are in these tables."""
    raise NotImplementedError("Restore a backup instead of downgrading.")
