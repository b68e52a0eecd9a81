"""The dbt project as assets: every model an asset, every test an asset check.

The SQL is `dbt_project/`; which models are built together, and when again, is
`dbt_branches.py`; building the manifest is `manifest.py`.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
from dagster_dbt import DagsterDbtTranslator, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from assets import keys, progress
from assets.builds import forget_build, last_build, record_build
from assets.dbt_branches import (
    BRANCHES,
    TAGS,
    Branch,
    build_fingerprint,
    drop_idle_notes,
    has_landed,
)
from assets.dbt_runner import run_dbt
from assets.lifeline import dies_with_us
from assets.manifest import read_manifest
from assets.metadata import table_metadata, unchanged_metadata
from assets.resources import Dbt, Warehouse
from assets.warehouse import dbt_environment
from settings import Settings

_LAYER_GROUPS = {"ml": "features"}
_BUILD_LOCK = 7_240_002
# Unit tests judge the SQL, not the data: they run in CI, not every night.
_BUILD = ["build", "--exclude-resource-type", "unit_test"]


class Translator(DagsterDbtTranslator):
    """Asset key = schema and table name; group = layer; owner from the model's meta."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Schema and table name, for models and sources alike."""
        name = dbt_resource_props.get("alias") or dbt_resource_props["name"]
        return dg.AssetKey([dbt_resource_props["schema"], name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Group of the graph, from the schema the model lies in."""
        schema = dbt_resource_props["schema"]
        return _LAYER_GROUPS.get(schema, schema)

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """What the model's YAML says; the SQL has its own place in the repository."""
        return str(dbt_resource_props.get("description", ""))

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """One owner for all models: the data team."""
        return [keys.DATA_OWNER]

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetSpec:
        """As dbt has it, but nothing waits for listings except listings.

        A portal that is away must not hold up sales: what reads both runs after the
        listings by its priority and takes their last good state. Features take that of
        the reference sets likewise.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        if node is None or _of_listings(node):
            return spec
        known = {**manifest["nodes"], **manifest["sources"]}
        parents = [known[name] for name in node["depends_on"]["nodes"] if name in known]
        held_up = {
            self.get_asset_key(p)
            for p in parents
            if _of_listings(p) or _of_reference_features(node)
        }
        return spec.replace_attributes(
            deps=[dep for dep in spec.deps if dep.asset_key not in held_up]
        )


def _of_listings(node: Mapping[str, Any]) -> bool:
    if node.get("source_name") == "listing_branch":
        return True
    return bool({"listings", "listing_marts"}.intersection(node.get("tags", ())))


def _of_reference_features(node: Mapping[str, Any]) -> bool:
    """Staging of a reference set that features read, and that is built with them."""
    return {"reference", "features"}.issubset(node.get("tags", ()))


def dbt_asset_definitions(settings: Settings) -> list[dg.AssetsDefinition]:
    """All models, a multi-asset a branch, from the manifest of this home."""
    manifest = read_manifest(settings)
    return [
        _branch_definition(manifest, branch)
        for branch in BRANCHES
        if _has_models(manifest, branch)
    ]


def _has_models(manifest: Mapping[str, Any], branch: Branch) -> bool:
    tag = branch.select.removeprefix("tag:")
    return tag not in TAGS or any(
        node["resource_type"] == "model" and tag in node["tags"]
        for node in manifest["nodes"].values()
    )


def _branch_definition(
    manifest: Mapping[str, Any], branch: Branch
) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=manifest,
        name=branch.name,
        select=branch.select,
        exclude=branch.exclude,
        dagster_dbt_translator=Translator(),
        op_tags={"dagster/priority": str(branch.priority)},
    )
    def build_models(
        context: dg.AssetExecutionContext, dbt: Dbt, warehouse: Warehouse
    ) -> Iterator[Any]:
        with warehouse.connect() as conn:
            # No transaction may stay open here: it would hold locks that dbt waits for.
            conn.autocommit = True
            if branch.waits and not has_landed(conn, branch):
                context.log.info("nothing has landed for these models yet")
                return
            # Two builds at once would drop each other's tables: one after the other.
            conn.execute("select pg_advisory_lock(%s)", [_BUILD_LOCK])
            fingerprint = build_fingerprint(conn, branch)
            known = last_build(conn, branch.name, fingerprint)
            # A hand-picked selection is somebody's wish to rebuild: obey it.
            if known is not None and not context.is_subset:
                drop_idle_notes(conn, branch, manifest)
                yield from _unchanged(context, known)
                return
            forget_build(conn, branch.name)
            if context.is_subset:
                # No fingerprint will tell them that it was built.
                for reader in BRANCHES:
                    if branch.name in reader.after:
                        forget_build(conn, reader.name)
            checks = []
            for event in _build(context, dbt, warehouse, branch):
                if isinstance(event, dg.AssetCheckResult):
                    checks.append(_remembered(event))
                yield _described(event, context, conn)
            if not context.is_subset:
                record_build(
                    conn,
                    branch.name,
                    fingerprint,
                    run_id=context.run_id,
                    summary={"checks": checks},
                )

    return build_models


def _build(
    context: dg.AssetExecutionContext, dbt: Dbt, warehouse: Warehouse, branch: Branch
) -> Iterator[Any]:
    settings = warehouse.settings
    folder = settings.market_folder / "builds"
    # One build at a time: whatever lies here was left by a killed one.
    for leftover in folder.glob("*/"):
        shutil.rmtree(leftover, ignore_errors=True)
    target = folder / context.run_id
    target.mkdir(parents=True, exist_ok=True)
    report = progress.step(branch.name)
    try:
        if context.is_subset:
            found = _hand_picked(context, dbt, warehouse, target)
        else:
            found = _whole(context, warehouse, branch, target)
        for done, event in enumerate(found, start=1):
            report(done, 0)
            yield event
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _whole(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    branch: Branch,
    target: Path,
) -> Iterator[Any]:
    """Build the branch in this process; Dagster's events of what dbt tells."""
    words = [*_BUILD, "--select", *branch.select.split()]
    if branch.exclude:
        words += ["--exclude", *branch.exclude.split()]
    manifest = read_manifest(warehouse.settings)
    told = run_dbt(words, settings=warehouse.settings, url=warehouse.url, target=target)
    for result in told:
        event = DbtCoreCliEventMessage(raw_event=result, event_history_metadata={})
        yield from event.to_default_asset_events(
            manifest, dagster_dbt_translator=Translator(), context=context
        )


def _hand_picked(
    context: dg.AssetExecutionContext, dbt: Dbt, warehouse: Warehouse, target: Path
) -> Iterator[Any]:
    """Build what somebody chose; which models that is, dagster-dbt works out."""
    os.environ.update(dbt_environment(warehouse.settings, warehouse.url))
    invocation = dbt.cli(_BUILD, context=context, target_path=target)
    with dies_with_us(invocation.process.pid):
        yield from invocation.stream()


def _unchanged(
    context: dg.AssetExecutionContext, known: dict[str, Any]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """The outcome of the last build of these very inputs, said again."""
    context.log.info("inputs and models are those of the last build: nothing to do")
    upstream = context.assets_def.asset_deps
    # Dagster wants the outputs of one step in dependency order.
    for key in TopologicalSorter(upstream).static_order():
        if key not in context.selected_asset_keys:
            continue
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=unchanged_metadata(context, key),
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=check["name"],
                    passed=check["passed"],
                    severity=dg.AssetCheckSeverity(check["severity"]),
                    metadata={"status": "unchanged"},
                )
                for check in known.get("checks", [])
                if check["asset"] == key.to_user_string()
            ],
        )


def _described(
    event: Any, context: dg.AssetExecutionContext, conn: psycopg.Connection
) -> Any:
    """Add rows and a sample to a model's event, now that its table stands."""
    if not isinstance(event, dg.Output):
        return event
    key = context.asset_key_for_output(event.output_name)
    return event.with_metadata({**event.metadata, **table_metadata(conn, key)})


def _remembered(result: dg.AssetCheckResult) -> dict[str, Any]:
    return {
        "asset": result.asset_key.to_user_string() if result.asset_key else "",
        "name": result.check_name,
        "passed": result.passed,
        "severity": result.severity.value,
    }
