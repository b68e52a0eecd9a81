"""Great Expectations suites as blocking asset checks: rules and failing rows in the UI.

The suites are `expectations/`; our own reconciliation checks are `checks.py`; the page
of all answers is `data_docs.py`. Valuations are judged before they are written
(`predictions.py`), with the same words.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import dagster as dg
import psycopg

from assets import keys
from assets.builds import (
    FEATURES_BUILD,
    LISTINGS_BUILD,
    build_of,
    changes_fingerprint,
    code_digest,
    digest,
    landing_fingerprint,
    last_build,
    record_build,
)
from assets.data_docs import docs_metadata, keep_answer, places_of
from assets.metadata import records_table
from assets.resources import Warehouse
from database.judged_batches import pending_batches, remember_judged
from settings import Settings

CHECK_NAME = "expectations"


@dataclass(frozen=True)
class Gate:
    """A suite, the asset it judges, and how it is known that there is something new.

    Landed in loads (`source` of the ledger): loads are judged once. Else the whole
    table is, when the dbt step `build` made it anew or its `noted` changes say so.
    """

    suite: str
    key: dg.AssetKey
    source: str = ""
    build: str = ""
    noted: str = ""


GATES = (
    Gate("raw_nsw_valuer__sales", keys.RAW_NSW_SALES, source="nsw_valuer"),
    Gate("raw_csv__sales", keys.RAW_CSV_SALES, source="csv"),
    Gate("raw_domain__listings", keys.RAW_DOMAIN_LISTINGS, source="domain"),
    Gate("raw_reaxml__listings", keys.RAW_REAXML_LISTINGS, source="reaxml"),
    Gate("price_texts", keys.PRICE_TEXTS, noted=".".join(keys.PRICE_TEXTS.path)),
    Gate("price_events", keys.PRICE_EVENTS, build=LISTINGS_BUILD),
    Gate("training_features", keys.TRAINING_FEATURES, build=FEATURES_BUILD),
    Gate("property_features", keys.PROPERTY_FEATURES, build=FEATURES_BUILD),
)


def suite_check(gate: Gate) -> dg.AssetChecksDefinition:
    """One suite as a check that stops what depends on its table, and nothing else."""
    judged = "the loads it has not passed yet" if gate.source else "the whole table"

    @dg.asset_check(
        asset=gate.key,
        name=CHECK_NAME,
        blocking=True,
        description=f"Great Expectations suite `{gate.suite}`, of {judged}: a failed "
        "rule of severity error stops what is downstream of this table.",
    )
    def check(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Any:
        name = f"check {gate.suite}"
        rules = code_digest("expectations")
        with warehouse.connect() as conn:
            wanted = digest(gate.suite, _fingerprint(conn, gate), rules)
            known = last_build(conn, name, wanted)
            conn.commit()
            if known is not None:
                return unchanged(known)
            answer, scope = _judge(conn, warehouse.url, gate, rules)
            facts = summary(answer, scope)
            if answer.passed:
                # A failure is never remembered: it is looked at again every time.
                if gate.source:
                    remember_judged(conn, gate.suite, gate.source, answer.table, rules)
                record_build(
                    conn, name, wanted, run_id=context.run.run_id, summary=facts
                )
            places = places_of(conn, answer)
        run_id = context.run.run_id
        keep_answer(warehouse.settings, answer, scope, run_id, places)
        return verdict(answer, scope, warehouse.settings)

    return check


def _judge(
    conn: psycopg.Connection, url: str, gate: Gate, rules: str
) -> tuple[Any, str]:
    """The suite's answer, and in words what it was asked of."""
    from expectations.runner import SUITES, run_suite

    if not gate.source:
        return run_suite(url, gate.suite), "the whole table"
    table = SUITES[gate.suite]().table
    pending = pending_batches(conn, gate.suite, gate.source, table, rules)
    conn.commit()
    batches: tuple[UUID, ...] | None = None if pending.is_all else pending.batches
    scope = "all loads"
    if batches is not None:
        plural = "" if len(batches) == 1 else "s"
        scope = f"{len(batches):,} load{plural} not judged before"
    return run_suite(url, gate.suite, batches), scope


def verdict(
    answer: Any, scope: str, settings: Settings, **placed: Any
) -> dg.AssetCheckResult:
    """An answer as the result of a check.

    `placed` names asset and check where the step is not the check's own.
    """
    warned = bool(answer.failures("warn"))
    return dg.AssetCheckResult(
        passed=answer.passed and not warned,
        severity=dg.AssetCheckSeverity.WARN
        if answer.passed
        else dg.AssetCheckSeverity.ERROR,
        description=_sentence(answer),
        metadata={
            "rows": answer.rows,
            "rules": len(answer.results),
            "judged": scope,
            **docs_metadata(settings, answer.suite),
            **_tables(answer),
        },
        **placed,
    )


def summary(answer: Any, scope: str) -> dict[str, Any]:
    """What is remembered of an answer that passed, for `unchanged`."""
    return {
        "rows": answer.rows,
        "rules": len(answer.results),
        "judged": scope,
        "warning": _sentence(answer) if answer.failures("warn") else "",
    }


def unchanged(known: dict[str, Any], **placed: Any) -> dg.AssetCheckResult:
    """The answer to the same question about the same rows, said again."""
    facts = {name: value for name, value in known.items() if name != "warning"}
    return dg.AssetCheckResult(
        passed=not known.get("warning"),
        severity=dg.AssetCheckSeverity.WARN,
        description=known.get("warning") or None,
        metadata={"status": "unchanged", **facts},
        **placed,
    )


def _fingerprint(conn: psycopg.Connection, gate: Gate) -> str:
    if gate.source:
        return landing_fingerprint(conn, gate.source)
    if gate.noted:
        return changes_fingerprint(conn, gate.noted)
    # An unfinished or hand-picked dbt build has no fingerprint: judge it afresh.
    return build_of(conn, gate.build) or str(conn.execute("select now()").fetchone())


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


suite_checks = [suite_check(gate) for gate in GATES]
