"""One property, one history: identity, merges and their reviews, overrides, prices."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

_SQL = Path(__file__).parent.parent / "sql"
_FILES = ("identity", "linkage", "sales", "listings", "market", "advice", "quality")


def upgrade() -> None:
    """Create and extend the tables Python owns around the marts."""
    for name in _FILES:
        # The driver takes % for a parameter, PL/pgSQL for a place in a message.
        statements = (_SQL / f"0003_{name}.sql").read_text().replace("%", "%%")
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    """Refuse: decisions of people are in these tables."""
    raise NotImplementedError("Restore a backup instead of downgrading.")
