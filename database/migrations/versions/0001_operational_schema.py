"""Schemas raw, ml, delivery and ops, as the first landing needs them."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Create every table that Python owns."""
    op.get_bind().exec_driver_sql((_SQL / "0001_operational_schema.sql").read_text())


def downgrade() -> None:
    """Refuse: raw is append-only and the outbox is the record of truth."""
    raise NotImplementedError("Restore a backup instead of downgrading.")
