"""Every source: its raw tables, the shared state of the servers asked, quarantine."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

_SQL = Path(__file__).parent.parent / "sql"
_FILES = ("quarantine", "source_state", "domain", "reaxml", "reference")


def upgrade() -> None:
    """Create and extend the tables of the landing."""
    for name in _FILES:
        op.get_bind().exec_driver_sql((_SQL / f"0002_{name}.sql").read_text())


def downgrade() -> None:
    """Refuse: raw is append-only."""
    raise NotImplementedError("Restore a backup instead of downgrading.")
