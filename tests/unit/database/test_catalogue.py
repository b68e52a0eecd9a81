"""The query catalogue reads its files and refuses what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.catalogue import UnknownQuery, load_queries, query
from database.errors import DatabaseError


def test_the_catalogue_holds_the_products_questions():
    found = load_queries()
    assert len(found) >= 18
    for entry in found.values():
        assert entry.question.endswith(("?", ".")), entry.name
        assert entry.indexes, f"{entry.name} names no index"
        assert entry.sample_sql, f"{entry.name} cannot be sampled"


def test_every_answer_is_bounded_or_one_key_wide():
    for entry in load_queries().values():
        bounded = "limit" in entry.sql.lower() or "count(*)" in entry.sql
        assert bounded or "order by" not in entry.sql or entry.name.endswith("series")


def test_an_unknown_query_is_named_with_those_there_are():
    with pytest.raises(UnknownQuery, match="property_by_id"):
        query("nonsense")


def test_a_header_that_does_not_fit_its_sql_is_refused(tmp_path: Path):
    (tmp_path / "odd.sql").write_text(
        "-- question: What?\n-- param: a text\n-- index: t (a)\n-- sample: select 1\n"
        "select %(b)s"
    )
    with pytest.raises(DatabaseError, match="parameters"):
        load_queries(tmp_path)


def test_a_long_header_goes_on_on_indented_lines(tmp_path: Path):
    (tmp_path / "long.sql").write_text(
        "-- question: What?\n-- param: a text\n-- index: t (a)\n"
        "-- sample: select a\n--   from t\nselect %(a)s"
    )
    assert load_queries(tmp_path)["long"].sample_sql == "select a from t"
