"""Runs a suite against PostgreSQL and answers in plain values.

Great Expectations is used without files: an ephemeral context, SQL pushed down to the
server. Importing it costs 6 s of CPU, so it happens only here, inside the function.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from expectations import features, landing, listings, predictions, prices
from expectations.rules import Rule, Severity, Suite

if TYPE_CHECKING:
    import pandas as pd

SUITES = {
    "raw_nsw_valuer__sales": landing.raw_nsw_valuer__sales,
    "raw_csv__sales": landing.raw_csv__sales,
    "raw_domain__listings": listings.raw_domain__listings,
    "raw_reaxml__listings": listings.raw_reaxml__listings,
    "price_texts": prices.price_texts,
    "price_events": prices.price_events,
    "price_predictions": predictions.price_predictions,
    "property_features": features.property_features,
    "training_features": features.training_features,
}
SAMPLE_ROWS = 10

Row = Mapping[str, Any]


@dataclass(frozen=True)
class RuleResult:
    """One rule's answer.

    ``observed`` is a sentence part ("15 of 161,104 rows"); ``unexpected_count`` counts
    failing rows (failing batches for rules about batches); ``sample`` holds some of
    them with file and line, JSON-ready.
    """

    name: str
    description: str
    column: str | None
    severity: Severity
    success: bool
    observed: str
    unexpected_count: int
    sample: tuple[Row, ...] = ()


@dataclass(frozen=True)
class SuiteResult:
    """All answers about one table; ``note`` says when nothing was there to judge.

    ``validation`` is Great Expectations' own result of each rule, JSON-ready but for
    values of samples; without any value where the suite shows none.
    """

    suite: str
    table: str
    rows: int
    results: tuple[RuleResult, ...]
    note: str = ""
    seconds: float = 0.0
    validation: tuple[Mapping[str, Any], ...] = field(
        default=(), repr=False, compare=False
    )

    @property
    def passed(self) -> bool:
        """No rule of severity error failed."""
        return not self.failures("error")

    def failures(self, severity: Severity) -> tuple[RuleResult, ...]:
        """Failed rules of one severity."""
        return tuple(
            r for r in self.results if not r.success and r.severity == severity
        )


def run_suite(
    database_url: str, name: str, batch_ids: Sequence[UUID] | None = None
) -> SuiteResult:
    """Evaluate one suite of SUITES.

    ``batch_ids`` restricts a landing suite to some loads; None judges the whole table
    (rules about batches then name the batch that failed). An empty table passes, with
    a note.

    Raises:
        KeyError: no suite has that name.
        ValueError: batches were given for a table that has none.
    """
    suite = SUITES[name]()
    if batch_ids is not None and suite.batch_column is None:
        raise ValueError(f"{suite.table} is not loaded in batches")
    started = time.perf_counter()
    where = _where(suite, batch_ids)
    rows = _count(database_url, suite, where)
    if rows == 0:
        return SuiteResult(name, suite.table, 0, (), "no rows: nothing to judge")
    url = "postgresql+psycopg2" + database_url[database_url.index(":") :]
    context = ephemeral_context()
    source = context.data_sources.add_postgres("warehouse", connection_string=url)
    try:
        answers, validation = _evaluate(suite, _asset(source, suite, where).get_batch())
    finally:
        source.get_engine().dispose()
    return _answer(suite, answers, validation, rows, started)


def run_frame(frame: pd.DataFrame, name: str) -> SuiteResult:
    """Evaluate one suite of SUITES on rows that are in no table yet.

    Raises:
        KeyError: no suite has that name.
        ValueError: the suite has a rule that is written as a query.
    """
    suite = SUITES[name]()
    if any(rule.is_query for rule in suite.rules):
        raise ValueError(f"{name} has rules that only a database can answer")
    started = time.perf_counter()
    if frame.empty:
        return SuiteResult(name, suite.table, 0, (), "no rows: nothing to judge")
    source = ephemeral_context().data_sources.add_pandas("memory")
    asset = source.add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
        batch_parameters={"dataframe": frame}
    )
    return _answer(suite, *_evaluate(suite, batch), len(frame), started)


def _answer(
    suite: Suite,
    answers: Mapping[str, dict[str, Any]],
    validation: tuple[dict[str, Any], ...],
    rows: int,
    started: float,
) -> SuiteResult:
    results = tuple(
        _result(rule, answers[rule.name], rows, suite) for rule in suite.rules
    )
    elapsed = round(time.perf_counter() - started, 3)
    return SuiteResult(suite.name, suite.table, rows, results, "", elapsed, validation)


def _where(suite: Suite, batch_ids: Sequence[UUID] | None) -> str:
    if batch_ids is None:
        return ""
    quoted = ", ".join(f"'{UUID(str(batch))}'" for batch in batch_ids) or "null"
    return f" where {suite.batch_column} in ({quoted})"


def _count(database_url: str, suite: Suite, where: str) -> int:
    import psycopg

    with psycopg.connect(database_url) as connection:
        query = f"select count(*) from {suite.table}{where}"  # noqa: S608
        row = connection.execute(query.encode()).fetchone()
    return 0 if row is None else int(row[0])


def ephemeral_context() -> Any:
    """A context of Great Expectations that keeps no files and draws no progress."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context


def _evaluate(
    suite: Suite, batch: Any
) -> tuple[dict[str, dict[str, Any]], tuple[dict[str, Any], ...]]:
    """Great Expectations' own answer by rule name, failing rows included.

    And what may be shown of it, in the order of the rules.
    """
    import great_expectations as gx
    import great_expectations.expectations as gxe

    def ask(rules: Sequence[Rule], how: str) -> dict[str, dict[str, Any]]:
        expectations = [build_rule(gxe, rule) for rule in rules]
        shape: dict[str, Any] = {"result_format": how}
        if how != "BASIC":
            shape["unexpected_index_column_names"] = list(suite.lineage)
        shape["partial_unexpected_count"] = 0 if how == "BASIC" else SAMPLE_ROWS
        answer = batch.validate(
            gx.ExpectationSuite(name=suite.name, expectations=expectations),
            result_format=shape,
        )
        found = (result.to_json_dict() for result in answer.results)
        return {r["expectation_config"]["meta"]["rule"]: r for r in found}

    # Samples cost several queries a rule, so only failed rules are asked for them.
    answers = ask(suite.rules, "BASIC")
    bare = dict(answers)
    failed = [rule for rule in suite.rules if not answers[rule.name]["success"]]
    for is_query, how in ((False, "SUMMARY"), (True, "COMPLETE")):
        # Rules written as queries show rows in the complete format only; for the
        # others that would fetch every failing row of the table.
        rules = [rule for rule in failed if rule.is_query == is_query]
        if rules:
            answers |= ask(rules, how)
    shown = answers if suite.shows_values else bare
    return answers, tuple(_short(shown[rule.name]) for rule in suite.rules)


def _short(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without more rows than a sample has."""
    result = dict(answer.get("result") or {})
    details = result.get("details") or {}
    if "unexpected_rows" in details:
        rows = details["unexpected_rows"][:SAMPLE_ROWS]
        result["details"] = {**details, "unexpected_rows": rows}
    return {**answer, "result": result}


def _asset(source: Any, suite: Suite, where: str) -> Any:
    schema, table = suite.table.split(".")
    if not where:
        asset = source.add_table_asset(table, table_name=table, schema_name=schema)
    else:
        query = f"select * from {suite.table}{where}"  # noqa: S608
        asset = source.add_query_asset(table, query=query)
    return asset.add_batch_definition_whole_table("all")


def build_rule(gxe: Any, rule: Rule) -> Any:
    """A rule as an expectation; ``gxe`` is ``great_expectations.expectations``."""
    return getattr(gxe, rule.expectation)(
        **rule.arguments, description=rule.description, meta={"rule": rule.name}
    )


def _result(rule: Rule, answer: dict[str, Any], rows: int, suite: Suite) -> RuleResult:
    found: dict[str, Any] = answer.get("result") or {}
    sample = found.get("partial_unexpected_index_list") or []
    if rule.is_query:
        sample = (found.get("details") or {}).get("unexpected_rows") or []
        count = int(found.get("observed_value") or 0)
        batches = "_batch_id::text" in str(rule.arguments["unexpected_rows_query"])
        noun = "batch" if batches else "row"
        plural = "es" if batches else "s"
        observed = f"{count:,} {noun}{plural if count != 1 else ''}"
    else:
        count = int(found.get("unexpected_count") or 0)
        observed = f"{count:,} of {rows:,} rows"
    problem = _problem(answer)
    return RuleResult(
        name=rule.name,
        description=rule.description,
        column=rule.column,
        severity=rule.severity,
        success=bool(answer["success"]),
        observed=f"could not be evaluated: {problem}" if problem else observed,
        unexpected_count=count,
        sample=tuple(_shown(row, rule, suite) for row in sample[:SAMPLE_ROWS]),
    )


def _problem(answer: dict[str, Any]) -> str:
    """Why an expectation raised, in one line; empty when it did not."""
    info: dict[str, Any] = answer.get("exception_info") or {}
    if "raised_exception" not in info:  # one entry a metric
        info = next(iter(info.values()), {})
    if not info.get("raised_exception"):
        return ""
    return str(info.get("exception_message", "")).strip().splitlines()[0][:300]


def _shown(row: Mapping[str, Any], rule: Rule, suite: Suite) -> Row:
    # A rule written as a query chooses its columns itself.
    if rule.is_query or suite.shows_values:
        return _plain(row)
    return _plain({name: row.get(name) for name in suite.lineage})


def _plain(row: Mapping[str, Any]) -> Row:
    simple = (str, int, float, bool, type(None))
    return {k: v if isinstance(v, simple) else str(v) for k, v in row.items()}
