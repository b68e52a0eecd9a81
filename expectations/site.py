"""Great Expectations' own Data Docs: every suite, and what it last found.

Built by its site builder from the suites and from results that the runner kept as JSON.
What its pages would fetch from elsewhere is taken out by ``site_pages``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from expectations.runner import SUITES, build_rule, ephemeral_context
from expectations.site_pages import IndexRow, standalone, standalone_index

_SITE = "ausproperty"


def build_site(
    folder: Path, validations: Sequence[Mapping[str, Any]], style: str
) -> Path:
    """Build the site anew; the path of its index.

    A validation has ``suite``, ``run_id``, ``judged_at`` (ISO, with its zone) and
    ``results``, Great Expectations' own of each rule (``SuiteResult.validation``).
    Those of suites there are no more are left out. Readers see the old site or the new.
    """
    known = {one["suite"]: one for one in validations if one["suite"] in SUITES}
    folder.parent.mkdir(parents=True, exist_ok=True)
    made, old = (
        folder.with_name(f".{folder.name}.{word}.{os.getpid()}")
        for word in ("new", "old")
    )
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    try:
        pages = _build(made, known)
        for path in made.rglob("*.html"):
            text = path.read_text(encoding="utf-8")
            index = path == made / "index.html"
            done = (
                standalone_index(text, style, _rows(known, pages))
                if index
                else standalone(text, style)
            )
            path.write_text(done, encoding="utf-8")
        # Fonts and pictures of pages that no longer ask for them.
        shutil.rmtree(made / "static", ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
    finally:
        for left in (made, old):
            shutil.rmtree(left, ignore_errors=True)
    return folder / "index.html"


def _build(folder: Path, known: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The pages as Great Expectations makes them; those of results, by suite."""
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    context = ephemeral_context()
    for name in list(context.variables.data_docs_sites or {}):
        context.delete_data_docs_site(name)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
    context.add_data_docs_site(
        _SITE,
        {
            "class_name": "SiteBuilder",
            "store_backend": store,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "show_how_to_buttons": False,
        },
    )
    pages: dict[str, str] = {}
    for name, make in SUITES.items():
        suite = make()
        rules = [build_rule(gxe, rule) for rule in suite.rules]
        context.suites.add(gx.ExpectationSuite(name=name, expectations=rules))
        if name not in known:
            continue
        key = ValidationResultIdentifier(
            expectation_suite_identifier=ExpectationSuiteIdentifier(name),
            run_id=RunIdentifier(
                run_name=known[name]["run_id"] or None,
                run_time=datetime.fromisoformat(known[name]["judged_at"]),
            ),
            batch_identifier=suite.table,
        )
        context.validation_results_store.set(key, _result(known[name], suite.table))
        pages[name] = (
            "/".join(quote(part) for part in ("validations", *key.to_tuple())) + ".html"
        )
    context.build_data_docs(site_names=[_SITE])
    return pages


def _result(validation: Mapping[str, Any], table: str) -> Any:
    """Kept JSON as Great Expectations' result of a suite."""
    from great_expectations.core.expectation_validation_result import (
        expectationSuiteValidationResultSchema,
    )

    results = list(validation["results"])
    held = sum(bool(result["success"]) for result in results)
    return expectationSuiteValidationResultSchema.load(
        {
            "success": held == len(results),
            "suite_name": validation["suite"],
            "results": results,
            "suite_parameters": {},
            "statistics": {
                "evaluated_expectations": len(results),
                "successful_expectations": held,
                "unsuccessful_expectations": len(results) - held,
                "success_percent": 100 * held / max(1, len(results)),
            },
            "meta": {
                "great_expectations_version": metadata.version("great_expectations"),
                "run_id": {
                    "run_name": validation["run_id"],
                    "run_time": validation["judged_at"],
                },
                "batch_kwargs": {"data_asset_name": table},
            },
        }
    )


def _rows(
    known: Mapping[str, Mapping[str, Any]], pages: Mapping[str, str]
) -> list[IndexRow]:
    found = []
    for name, make in sorted(SUITES.items()):
        results = known.get(name, {}).get("results", ())
        found.append(
            IndexRow(
                suite=name,
                table=make().table,
                page=f"expectations/{name}.html",
                validation=pages.get(name),
                judged_at=known.get(name, {}).get("judged_at"),
                held=sum(bool(result["success"]) for result in results),
                rules=len(results),
            )
        )
    return found
