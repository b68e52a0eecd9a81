"""The pages of a home: Data Docs and dbt docs, built into one folder that `up` serves.

Belongs here: running the builders and putting their pages side by side. What the suites
found is kept by `assets.data_docs`; the checks' last results are Dagster's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.data_docs import (
    data_docs_folder,
    docs_folder,
    keep_checks,
    write_page,
)
from assets.manifest import DBT_PROJECT
from assets.warehouse import dbt_environment
from domain.errors import UserError
from settings import Settings

_INDEX = """<!doctype html><html lang=en><meta charset=utf-8>
<meta http-equiv=refresh content="0; url=data_docs/index.html">
<title>ausproperty</title><a href=data_docs/index.html>Data Docs</a>
<a href=data_docs/great_expectations/index.html>Great Expectations</a>
<a href=dbt_docs/index.html>dbt docs</a></html>
"""


_NOT_YET = """<!doctype html><html lang=en><meta charset=utf-8>
<meta http-equiv=refresh content=10><title>{title}</title>
<body style="font: 16px/1.5 system-ui, sans-serif; margin: 4rem auto; max-width: 40rem">
<h1>{title}</h1><p>Not built yet. <code>ausproperty up</code> builds them beside the
servers, half a minute after it started or after the first run;
<code>ausproperty docs</code> at any time. This page asks again by itself.</p>
<p><a href={home}>Data Docs</a></p></body></html>
"""


class DocsNotBuilt(UserError):
    """dbt could not build its pages; the message is its own."""


def prepare_docs(settings: Settings) -> Path:
    """The folder to serve, with pages in it before anything was built."""
    folder = docs_folder(settings)
    write_page(settings)
    for title, part in (
        ("dbt docs", folder / "dbt_docs"),
        ("Great Expectations", data_docs_folder(settings) / "great_expectations"),
    ):
        page = part / "index.html"
        if not page.exists():
            part.mkdir(parents=True, exist_ok=True)
            home = os.path.relpath(data_docs_folder(settings) / "index.html", part)
            page.write_text(_NOT_YET.format(title=title, home=home))
    (folder / "index.html").write_text(_INDEX)
    return folder


def build_data_docs(settings: Settings, definitions: dg.Definitions) -> Path:
    """The page of suites and of all checks as Dagster last saw them; its path."""
    with dg.DagsterInstance.get() as instance:
        return keep_checks(settings, list(_last_checks(instance, definitions)))


def _last_checks(
    instance: dg.DagsterInstance, definitions: dg.Definitions
) -> Iterator[dict[str, Any]]:
    graph = definitions.get_repository_def().asset_graph
    keys = list(graph.asset_check_keys)
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    for key, record in found.items():
        event = record.event
        evaluation = (
            event and event.dagster_event and event.dagster_event.event_specific_data
        )
        if not isinstance(evaluation, dg.AssetCheckEvaluation):
            continue  # begun and not ended
        outcome = "warned" if evaluation.severity.value == "WARN" else "failed"
        yield {
            "asset": key.asset_key.to_user_string(),
            "check": key.name,
            "outcome": "passed" if evaluation.passed else outcome,
            "blocking": graph.get(key).blocking,
            "at": datetime.fromtimestamp(record.create_timestamp, UTC).isoformat(
                timespec="seconds"
            ),
            "description": (evaluation.description or "")[:600],
        }


def build_dbt_docs(settings: Settings, url: str) -> Path:
    """Build dbt's own pages as one file that needs no network; its path.

    Raises:
        DocsNotBuilt: with dbt's words.
    """
    folder = docs_folder(settings) / "dbt_docs"
    target = settings.market_folder / "dbt" / "docs"
    target.mkdir(parents=True, exist_ok=True)
    ended = subprocess.run(
        [
            str(Path(sys.executable).parent / "dbt"),
            *("docs", "generate", "--static", "--no-version-check"),
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(target), "--log-path", str(target)),
        ],
        env={**os.environ, **dbt_environment(settings, url)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise DocsNotBuilt(
            "dbt could not build its pages:\n"
            f"{ended.stdout[-2000:]}{ended.stderr[-500:]}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    partial = folder / ".index.html.partial"
    shutil.copy(target / "static_index.html", partial)
    partial.replace(page)
    return page
