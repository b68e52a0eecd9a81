"""All three intervals beside every valuation; people's word on submitted actuals."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Add the columns and the ledger of decisions."""
    statements = (_SQL / "0007_intervals.sql").read_text().replace("%", "%%")
    op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    """Refuse: intervals that consumers were told of are in these columns."""
    raise NotImplementedError("Restore a backup instead of downgrading.")
