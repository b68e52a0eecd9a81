"""The page of quality gates names every gate there is, and no rule has two homes."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from assets.landing.registry import all_infos
from expectations.runner import SUITES
from settings import ROOT

_PAGE = ROOT / "docs" / "quality.md"
_DBT = ROOT / "dbt_project"


@cache
def _named() -> frozenset[str]:
    return frozenset(re.findall(r"`([^`]+)`", _PAGE.read_text()))


def _checks() -> Iterator[tuple[Any, str]]:
    """Asset and name of every check made in Python."""
    with warnings.catch_warnings():
        # Dagster's own word about a parameter that is in beta.
        warnings.simplefilter("ignore")
        import dagster as dg

        from assets import (
            agreement,
            anomalies,
            checks,
            feedback,
            freshness,
            predictions,
            quality,
            raw_reference,
        )

        made = [
            *dg.load_asset_checks_from_modules([checks, agreement, feedback]),
            *freshness.freshness_checks,
            *raw_reference.reference_checks,
            *quality.suite_checks,
            *anomalies.anomaly_checks,
        ]
        specs = [spec for check in made for spec in check.check_specs]
        specs += predictions.score_properties.check_specs
    for spec in specs:
        yield spec.asset_key, spec.name


def _dbt_tests() -> Iterator[str]:
    """Name of every dbt data test; one without a name is told by what it is."""
    for path in sorted([*_DBT.glob("models/**/*.yml"), *_DBT.glob("tests/*.yml")]):
        told = yaml.safe_load(path.read_text()) or {}
        for test in told.get("data_tests", []):
            yield test["name"]
        for model in told.get("models", []):
            tests = list(model.get("data_tests", []))
            for column in model.get("columns", []):
                tests += column.get("data_tests", [])
            for test in tests:
                ((kind, options),) = (
                    test.items() if isinstance(test, dict) else {test: {}}.items()
                )
                yield options.get("name", f"{model['name']}: {kind} without a name")


def test_every_gate_is_on_the_page() -> None:
    suites, tests = list(SUITES), list(_dbt_tests())
    checks = sorted({name for _, name in _checks()})
    assert (len(suites), len(tests), len(checks)) > (8, 30, 12)
    missing = [name for name in [*suites, *tests, *checks] if name not in _named()]
    assert missing == []


def test_the_page_names_no_gate_that_is_gone() -> None:
    known = {*SUITES, *_dbt_tests(), *(name for _, name in _checks())}
    tables = [line for line in _PAGE.read_text().splitlines() if line.startswith("| ")]
    sentences = {
        word
        for line in tables
        for word in re.findall(r"`([a-z_]+)`", line)
        if word.count("_") > 2
    }
    assert sentences - known == set()


def test_every_suite_is_a_check_and_no_rule_of_a_suite_comes_twice() -> None:
    assert len([name for _, name in _checks() if name == "expectations"]) == len(SUITES)
    for name, make in SUITES.items():
        suite = make()
        assert suite.name == name
        rules = [rule.name for rule in suite.rules]
        assert len(rules) == len(set(rules)), name
        assert not set(rules) & set(_dbt_tests())


def test_freshness_of_every_source_is_checked_and_its_limits_are_on_the_page() -> None:
    from assets.freshness import freshness_table

    assert freshness_table() in _PAGE.read_text()
    by_check: dict[str, set[str]] = {}
    for key, name in _checks():
        by_check.setdefault(name, set()).add(".".join(key.path))
    for info in all_infos():
        for name in ("snapshot_is_fresh_enough", "new_data_keeps_coming"):
            assert by_check[name] & set(info.tables), (info.name, name)


#: Models that only rename, or pick the rows that another model marked.
TRIVIAL = {"int_sale__deduplicated", "stg_abs__seifa"}


def test_every_model_but_the_trivial_has_a_unit_test() -> None:
    tested, models = set(), set()
    for path in _DBT.glob("models/**/*.yml"):
        told = yaml.safe_load(path.read_text()) or {}
        tested |= {test["model"] for test in told.get("unit_tests", [])}
    models = {path.stem for path in _DBT.glob("models/**/*.sql")}
    assert models - tested == TRIVIAL
