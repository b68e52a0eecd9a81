"""Data Docs: what the suites last found, as one page of this home.

Belongs here: keeping the answers (a JSON file a suite) and writing the page. What it
looks like is `quality_page`. Beside it stand Great Expectations' own pages
(`expectations.site`), built of what is kept here when somebody asks for docs: importing
it costs seconds that no check should take twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg

from assets.quality_page import render
from settings import Settings


def docs_folder(settings: Settings) -> Path:
    """What `ausproperty docs` builds and `ausproperty up` serves, and nothing else."""
    return settings.market_folder / "docs"


def data_docs_folder(settings: Settings) -> Path:
    """The page of the suites, and their answers as JSON."""
    return docs_folder(settings) / "data_docs"


def keep_answer(
    settings: Settings,
    answer: Any,
    scope: str,
    run_id: str,
    places: Mapping[str, str] | None = None,
) -> Path:
    """Keep the answer of a suite and write the page anew; its path.

    `places` says where the bytes of source files lie (`places_of`).
    """
    folder = data_docs_folder(settings) / "suites"
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    told = {
        **asdict(answer),
        "passed": answer.passed,
        "judged": scope,
        "run_id": run_id,
        "judged_at": now,
        "places": dict(places or {}),
    }
    results = told.pop("validation")
    if results:
        kept = {
            "suite": answer.suite,
            "run_id": run_id,
            "judged_at": now,
            "results": results,
        }
        validations = _validations_folder(settings)
        validations.mkdir(parents=True, exist_ok=True)
        path = validations / f"{answer.suite}.json"
        _replace(path, json.dumps(kept, default=str))
    _replace(folder / f"{answer.suite}.json", json.dumps(told, indent=1, default=str))
    return write_page(settings)


def places_of(conn: psycopg.Connection, answer: Any) -> dict[str, str]:
    """Where the files of an answer's failing rows lie, as far as the ledger knows."""
    files = {
        str(row[name])
        for result in answer.results
        for row in result.sample
        for name in ("_source_file", "source_file")
        if row.get(name)
    }
    rows = conn.execute(
        "select source_file, min(location) from ops.source_files "
        "where source_file = any(%s) and location is not null group by 1",
        [sorted(files)],
    ).fetchall()
    return dict(rows)


def keep_checks(settings: Settings, checks: Sequence[Mapping[str, Any]]) -> Path:
    """Keep the last results of all checks and write the page anew; its path."""
    folder = data_docs_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "checks.json", json.dumps(list(checks), indent=1))
    return write_page(settings)


def write_page(settings: Settings) -> Path:
    """Write the page of what was kept; its path."""
    folder = data_docs_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    suites = sorted((folder / "suites").glob("*.json"))
    answers = [json.loads(path.read_text()) for path in suites]
    kept = folder / "checks.json"
    checks = json.loads(kept.read_text()) if kept.exists() else []
    page = folder / "index.html"
    _replace(page, render(answers, checks, market=settings.active_market))
    return page


def build_great_expectations(settings: Settings) -> Path:
    """Great Expectations' own pages of the results kept; the path of their index."""
    from expectations.site import build_site
    from ml.page_style import STYLE

    kept = sorted(_validations_folder(settings).glob("*.json"))
    validations = [json.loads(path.read_text()) for path in kept]
    folder = data_docs_folder(settings) / "great_expectations"
    return build_site(folder, validations, STYLE)


def _validations_folder(settings: Settings) -> Path:
    return data_docs_folder(settings) / "validations"


def docs_metadata(settings: Settings, suite: str) -> dict[str, Any]:
    """Links from a check to its place on the page: served by `up`, and as a file."""
    page = data_docs_folder(settings) / "index.html"
    address = f"http://127.0.0.1:{settings.ports.docs}/data_docs/index.html#{suite}"
    return {
        "data_docs": dg.MetadataValue.url(address),
        "data_docs_file": dg.MetadataValue.path(str(page)),
    }


def _replace(path: Path, text: str) -> None:
    """A reader sees the old file or the new one; two checks may write at once."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text)
    partial.replace(path)
