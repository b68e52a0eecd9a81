import pytest

from expectations.rules import few_in_each_batch
from expectations.runner import SUITES, RuleResult, SuiteResult


@pytest.mark.parametrize("name", SUITES)
def test_rules_have_their_own_names_and_a_sentence(name: str) -> None:
    suite = SUITES[name]()
    assert suite.name == name
    names = [rule.name for rule in suite.rules]
    assert len(set(names)) == len(names)
    assert all(rule.description.endswith(".") for rule in suite.rules)
    assert {rule.severity for rule in suite.rules} == {"error", "warn"}


def test_a_failed_warning_stops_nothing_and_a_failed_error_does() -> None:
    warn = RuleResult(
        "a", "A.", None, "warn", success=False, observed="", unexpected_count=1
    )
    error = RuleResult(
        "b", "B.", None, "error", success=False, observed="", unexpected_count=1
    )
    assert SuiteResult("s", "t", 1, (warn,)).passed
    both = SuiteResult("s", "t", 1, (warn, error))
    assert not both.passed
    assert both.failures("error") == (error,)


def test_batch_rules_are_queries() -> None:
    rule = few_in_each_batch("x", "X.", "price < 1", 0.2)
    assert rule.is_query
    assert rule.column is None
    assert "{batch}" in rule.arguments["unexpected_rows_query"]
