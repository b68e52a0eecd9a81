"""Signing keys of endpoints: several at once, sealed, with an end."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Make room for keys; `delivery.keys.seal_plain_secrets` moves what is there."""
    statements = (_SQL / "0008_endpoint_keys.sql").read_text().replace("%", "%%")
    op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    """Refuse: keys that consumers verify with are in this table."""
    raise NotImplementedError("Restore a backup instead of downgrading.")
