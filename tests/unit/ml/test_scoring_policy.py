from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from ml.scoring_policy import ScoringPolicy, read_policy


class Rows:
    """Answers the one question of ``read_policy``."""

    def __init__(self, *rows: tuple[str, float]) -> None:
        self.rows = rows

    def execute(self, _query: str) -> Rows:
        return self

    def fetchall(self) -> tuple[tuple[str, float], ...]:
        return self.rows


def test_classes_are_cut_at_their_limits() -> None:
    fsd = np.array([0.03, 0.10, 0.1001, 0.15, 0.2, 0.25, 0.26, 2.0, np.nan])
    found = ScoringPolicy().confidence_classes(fsd)
    assert "".join(found) == "AABBCDEEE"


def test_an_fsd_stored_as_real_keeps_its_class() -> None:
    stored = np.float64(np.float32(0.15))
    assert stored > 0.15
    assert ScoringPolicy().confidence_classes(np.array([stored])).tolist() == ["B"]


def test_rows_replace_defaults_and_unknown_rows_are_left_alone() -> None:
    rows = Rows(("refuse_fsd", 0.4), ("of_a_later_version", 1.0))
    found = read_policy(cast("Any", rows))
    assert found == ScoringPolicy(refuse_fsd=0.4)
    assert found.as_text() != ScoringPolicy().as_text()


def test_limits_of_classes_must_rise() -> None:
    with pytest.raises(ValueError, match="must rise"):
        read_policy(cast("Any", Rows(("class_a_fsd", 0.15))))
