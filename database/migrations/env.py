"""Alembic's entry: one online transaction per upgrade, version table in `ops`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=None, version_table_schema="ops"
    )
    with context.begin_transaction():
        context.run_migrations()
