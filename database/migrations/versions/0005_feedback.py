"""Feedback: later sales and submitted actuals beside the predictions before them."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Add what was submitted, the feedback, and accuracy read from it."""
    op.get_bind().exec_driver_sql((_SQL / "0005_feedback.sql").read_text())


def downgrade() -> None:
    """Refuse: what consumers submitted is in these tables."""
    raise NotImplementedError("Restore a backup instead of downgrading.")
