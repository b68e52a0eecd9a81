"""`ausproperty backtest` on features as dbt leaves them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

import cli
from domain.errors import UserError
from ml.features import TRAINING_RELATION
from tests.market_samples import feature_rows, load_features

#: What others read from the JSON file.
KEYS = (
    *("n", "r2", "mae", "mdape", "pe5", "pe10", "pe20", "cod", "prd", "prb", "vei"),
    *("fsd", "coverage_68", "coverage_80", "coverage_95", "width_80", "fit_seconds"),
)


@pytest.fixture
def home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path))
    monkeypatch.setenv("AUSPROPERTY_MARKET", "simulated")
    return tmp_path


def backtest(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["backtest", *words])


def test_measures_are_shown_and_written_with_every_row_behind_them(
    conn: psycopg.Connection[Any], home: Path
) -> None:
    load_features(conn, TRAINING_RELATION, feature_rows(700))
    measures, rows = home / "measures.json", home / "rows.csv"

    shown = backtest(
        *(
            "--as-of",
            "2023-07-01",
            "--market",
            "nsw/house",
            "--walk-forward",
            "monthly",
        ),
        *("--json", str(measures), "--predictions", str(rows)),
    )

    assert shown.exit_code == 0, shown.output
    told = json.loads(measures.read_text())
    assert all(isinstance(told[key], int | float) for key in KEYS)
    headline = next(line for line in shown.output.splitlines() if "MdAPE" in line)
    assert headline.split()[2] == f"{told['mdape']:.2f}"
    assert told["trainings"] == 6
    assert set(told["groups"]["dwelling_type"]) == {"house"}
    with rows.open() as lines:
        written = list(csv.DictReader(lines))
    assert len(written) == told["n"]
    errors = sorted(
        abs(float(row["estimate_aud"]) / float(row["price_aud"]) - 1) for row in written
    )
    middle = len(errors) // 2
    median = (errors[middle] + errors[-middle - 1]) / 2
    assert 100 * median == pytest.approx(told["mdape"], abs=1e-5)


def test_what_cannot_be_judged_is_one_sentence(
    conn: psycopg.Connection[Any], home: Path
) -> None:
    for words, said in (
        (("--as-of", "2023-07-01"), "`ausproperty run`"),
        (("--as-of", "2023-07-01", "--market", "WA"), "there are NSW/house"),
        (("--as-of", "1999-01-01"), "sales here are of 2022-01-"),
        (("--as-of", "2031-01-01"), "No sale from 2031-01-01 on"),
    ):
        refused = backtest(*words)
        assert isinstance(refused.exception, UserError), (words, refused.output)
        assert said in str(refused.exception)
        if said == "`ausproperty run`":
            load_features(conn, TRAINING_RELATION, feature_rows(60))
