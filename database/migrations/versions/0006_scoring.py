"""Scoring by partitions: inputs behind valuations, refusals, noise, sureness."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Add what scoring remembers of a home, and the policy it follows."""
    statements = (_SQL / "0006_scoring.sql").read_text().replace("%", "%%")
    op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    """Refuse: valuations that consumers were told of are in these tables."""
    raise NotImplementedError("Restore a backup instead of downgrading.")
