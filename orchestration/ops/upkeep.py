"""Ops that keep the database in shape; what they do is the database room's."""

from datetime import UTC, datetime

import dagster as dg

from assets.resources import Warehouse
from assets.warehouse import warehouse_url


@dg.op(description="Bring the indexes of recent rows to this month's first day.")
def move_recent_indexes(context: dg.OpExecutionContext, warehouse: Warehouse) -> None:
    """New index beside the old, boundary written down, old one dropped."""
    from database.connections import connect
    from database.recent_indexes import move_boundaries

    with connect(warehouse_url(warehouse.settings), autocommit=True) as conn:
        for move in move_boundaries(conn, datetime.now(UTC).date()):
            context.log.info(
                "%s.%s: rows from %s on, before from %s",
                move.table,
                move.column,
                move.to_day,
                move.from_day,
            )
