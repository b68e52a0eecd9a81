import json
import os

import pytest

from benchmarks.catalogue import MODULES
from benchmarks.main_job import Run, stage_figures
from benchmarks.processes import tree_cpu_seconds
from benchmarks.report import Figure, machine, machine_line, render, with_unit

LOAD = Figure("first load", 9.5, "s", 1.9, "bare COPY", {"rows": "171,107"})
RATE = Figure("delivered", 4_321.4, "/s", 9_000.0, "bare aiohttp client")


def test_the_table_has_a_line_for_each_figure_and_names_a_benchmark_once() -> None:
    lines = render({"raw-load": [LOAD, RATE], "empty": []}, "the machine").splitlines()
    assert len({line.count("|") for line in lines[:4]}) == 1
    assert lines[2].startswith("| raw-load | first load | 9.50 s | 1.90 s | bare COPY")
    assert "| 5.00 | rows 171,107 |" in lines[2]
    assert lines[3].startswith("|  | delivered | 4,321 /s | 9,000 /s |")
    assert lines[-2:] == ["", "the machine"]


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.054, "s", "0.05 s"),
        (12.345, "s", "12.3 s"),
        (12_345.6, "/s", "12,346 /s"),
        (2.0, "", "2.00"),
    ],
)
def test_values_show_the_digits_that_matter(
    value: float, unit: str, shown: str
) -> None:
    assert with_unit(value, unit) == shown


def test_figures_survive_json_with_their_ratio() -> None:
    text = json.dumps(LOAD.as_dict())
    assert json.loads(text)["ratio"] == 5.0
    assert Figure.from_dict(json.loads(text)) == LOAD


def test_a_peer_of_nothing_has_no_ratio() -> None:
    figure = Figure("x", 1.0, "s", 0.0, "nothing")
    assert "| nan |" in render({"x": [figure]}, "")


def test_the_footer_names_date_machine_and_load() -> None:
    found = machine()
    line = machine_line(found, "2026-11-22")
    assert line.startswith("2026-11-22 · ")
    assert f"{found['cores']} cores" in line
    assert "load before" in line


def test_short_stages_of_a_run_stand_together() -> None:
    run = Run({"a": 1.0, "b": 60.0, "c": 0.5, "d": 38.5}, 100.0, {"a": 0.5, "b": 30.0})
    found = stage_figures(run)
    assert [figure.name for figure in found] == ["b", "d", "short stages"]
    assert found[0].ratio == 0.6
    assert found[0].beside == {"CPU": "30.0 s"}
    assert found[-1].beside == {"CPU": "0.5 s", "stages": "2"}


def test_cpu_of_a_process_counts_once() -> None:
    own = os.getpid()
    once = tree_cpu_seconds(own)
    assert 0 < once <= tree_cpu_seconds(own, own) < once + 1
    assert tree_cpu_seconds(0) == 0


def test_every_benchmark_is_a_module_of_its_own() -> None:
    assert len(set(MODULES.values())) == len(MODULES)
