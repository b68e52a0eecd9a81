"""Great Expectations suites as blocking asset checks: rules and failing rows in the UI.

The suites are `expectations/`; our own reconciliation checks are `checks.py`.
"""

from typing import Any

import dagster as dg
import psycopg

from assets import keys
from assets.builds import (
    FEATURES_BUILD,
    code_digest,
    digest,
    landing_fingerprint,
    last_build,
    record_build,
)
from assets.metadata import records_table
from assets.resources import Warehouse

# Suite, the asset it judges, and the landing source it is of (None: built by dbt).
_SUITES: tuple[tuple[str, dg.AssetKey, str | None], ...] = (
    ("raw_nsw_valuer__sales", keys.RAW_NSW_SALES, "nsw_valuer"),
    ("raw_csv__sales", keys.RAW_CSV_SALES, "csv"),
    ("training_features", keys.TRAINING_FEATURES, None),
    ("property_features", keys.PROPERTY_FEATURES, None),
)


def suite_check(
    suite: str, key: dg.AssetKey, source: str | None
) -> dg.AssetChecksDefinition:
    """One suite as a check that stops what depends on its table, and nothing else."""

    @dg.asset_check(
        asset=key,
        name="expectations",
        blocking=True,
        description=f"Great Expectations suite `{suite}`: a failed rule of severity "
        "error stops what is downstream of this table.",
    )
    def check(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Any:
        with warehouse.connect() as conn:
            wanted = digest(
                suite, _fingerprint(conn, source), code_digest("expectations")
            )
            known = last_build(conn, f"check {suite}", wanted)
            conn.commit()
            if known is not None:
                return _unchanged(known)
            from expectations.runner import run_suite

            answer = run_suite(warehouse.url, suite)
            facts = {"rows": answer.rows, "rules": len(answer.results)}
            warned = bool(answer.failures("warn"))
            if answer.passed:
                # A failure is never remembered: it is looked at again every time.
                record_build(
                    conn,
                    f"check {suite}",
                    wanted,
                    run_id=context.run.run_id,
                    summary={**facts, "warning": _sentence(answer) if warned else ""},
                )
        severity = (
            dg.AssetCheckSeverity.WARN if answer.passed else dg.AssetCheckSeverity.ERROR
        )
        return dg.AssetCheckResult(
            passed=answer.passed and not warned,
            severity=severity,
            description=_sentence(answer),
            metadata={**facts, **_tables(answer)},
        )

    return check


def _unchanged(known: dict[str, Any]) -> dg.AssetCheckResult:
    """The answer to the same question about the same rows, said again."""
    facts = {name: value for name, value in known.items() if name != "warning"}
    return dg.AssetCheckResult(
        passed=not known.get("warning"),
        severity=dg.AssetCheckSeverity.WARN,
        description=known.get("warning") or None,
        metadata={"status": "unchanged", **facts},
    )


def _fingerprint(conn: psycopg.Connection, source: str | None) -> str:
    if source is not None:
        return landing_fingerprint(conn, source)
    row = conn.execute(
        "select fingerprint from ops.builds where name = %s", [FEATURES_BUILD]
    ).fetchone()
    # An unfinished or hand-picked dbt build has no fingerprint: judge it afresh.
    return str(row[0]) if row else str(conn.execute("select now()").fetchone())


def _sentence(answer: Any) -> str:
    if answer.note:
        return str(answer.note)
    # Where something stops the run, what is merely odd would hide it.
    failed = answer.failures("warn" if answer.passed else "error")
    if not failed:
        return f"all {len(answer.results)} rules hold on {answer.rows:,} rows"
    return "; ".join(f"{r.description} ({r.observed})" for r in failed)


def _tables(answer: Any) -> dict[str, Any]:
    rules = [
        {
            "rule": result.name,
            "holds": "yes" if result.success else f"NO ({result.severity})",
            "column": result.column or "",
            "found": result.observed,
            "meaning": result.description,
        }
        for result in answer.results
    ]
    tables = {"rules": records_table(rules)}
    for result in answer.results:
        if not result.success and result.sample:
            # The UI sorts by name: what stopped the run comes before what is odd.
            word = "failed" if result.severity == "error" else "odd"
            tables[f"{word}: {result.name}"] = records_table(list(result.sample))
    return tables


suite_checks = [suite_check(*entry) for entry in _SUITES]
