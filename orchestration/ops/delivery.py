"""The drain op: hands the queue to the delivery room and reports to the graph."""

import dagster as dg
import psycopg

from assets import keys, progress
from assets.resources import Warehouse
from assets.vault import open_vault
from delivery.backlog import count_by_status, has_claimable
from delivery.guard import parse_networks
from delivery.vault import Vault, VaultError

# A drain ends by itself well before the daemon's run monitor would end it.
MAX_DRAIN_SECONDS = 1800.0


@dg.op(
    description="Claim, sign and send what is due, until nothing is.",
    # Everything is in the queue: a broken drain is repeated without losing or doubling.
    retry_policy=dg.RetryPolicy(max_retries=2, delay=10),
)
def drain_due_deliveries(context: dg.OpExecutionContext, warehouse: Warehouse) -> None:
    """One drain of the delivery queue."""
    from delivery.sender import DrainResult, Limits, run_drain

    settings = warehouse.settings.delivery
    # First of all: without master keys nothing is claimed.
    vault = _vault(warehouse)
    report = progress.step("deliver")
    with warehouse.connect() as conn:
        before = count_by_status(conn)
        idle = not has_claimable(conn) and not _is_leased(conn)
        conn.commit()
        if not idle:
            waiting = before["pending"] + before["failed"]

            def on_progress(result: DrainResult) -> None:
                report(result.delivered, waiting)

            result = run_drain(
                warehouse.url,
                vault=vault,
                allow_networks=parse_networks(settings.allow_networks),
                limits=Limits(
                    per_endpoint=settings.per_endpoint,
                    total=settings.concurrency,
                    connect=settings.connect_seconds,
                    post_total=settings.total_seconds,
                    lease=settings.total_seconds + 15,
                    drain=MAX_DRAIN_SECONDS,
                    # A killed drain's rows come free when its leases end.
                    wait_for_leases=settings.total_seconds + 20,
                ),
                on_progress=on_progress,
            )
            context.log.info("drain: %s", result)
        after = count_by_status(conn)
    context.log_event(
        dg.AssetMaterialization(
            asset_key=keys.DELIVERIES,
            metadata={
                **after,
                "sent_now": after["delivered"] - before["delivered"],
            },
        )
    )


def _vault(warehouse: Warehouse) -> Vault:
    try:
        return open_vault(warehouse.settings)
    except VaultError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def _is_leased(conn: psycopg.Connection) -> bool:
    row = conn.execute(
        "select exists (select from delivery.deliveries "
        "where status in ('pending', 'failed') and leased_until > now())"
    ).fetchone()
    return row is not None and bool(row[0])


@dg.op(description="Seal endpoints' keys with the newest master key.")
def reencrypt_keys(context: dg.OpExecutionContext, warehouse: Warehouse) -> None:
    """Batch by batch; stopped at any point, the next run does the rest."""
    from delivery.keys import reencrypt

    with warehouse.connect() as conn:
        done = reencrypt(conn, _vault(warehouse))
    context.log.info("%d of %d keys sealed anew", done.sealed_anew, done.keys)
    if done.unreadable:
        raise dg.Failure(
            "No configured master key opens keys of these endpoints: "
            + ", ".join(done.unreadable),
            allow_retries=False,
        )
