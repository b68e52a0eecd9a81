"""The commands of sources and quarantine, as a person runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.homes import Home

SMALL = ("--properties=400", "--weeks=8")
SALES = """Sale Price ($);Street Address;Suburb;Contract Date;Beds;Post Code
850000;12 High St;Abbotsford;03/04/2017;3;3067
1200000;4/27 Clyde Rd;Abbotsford;13/04/2017;2;3067
640000;7 Bond St;Carlton;21/05/2017;1;3053
"""


def test_every_source_lands_once_and_tells_its_health(
    new_home: Callable[..., Home], tmp_path: Path
) -> None:
    home = new_home()
    first = home.run_job("ingest", *SMALL)
    assert first.code == 0, first.screen
    raw = first.summary["raw"]
    assert raw["read"] == raw["loaded"] + raw["repeated"] + raw["rejected"]
    assert raw["loaded"] > 1000
    again = home.run_job("ingest", *SMALL)
    assert again.code == 0, again.screen
    assert again.summary["raw"]["loaded"] == 0

    table = tmp_path / "sources.json"
    shown = home.run("sources", "--json", str(table))
    assert shown.code == 0, shown.screen
    lines = {line["name"]: line for line in json.loads(table.read_text())}
    assert len(lines) == 12
    assert all(line["is_well"] for line in lines.values()), shown.screen
    assert all(line["rows"] != "0" for line in lines.values()), shown.screen

    listed = home.run("rejects", "list", "--source", "reaxml", "--each")
    assert listed.code == 0, listed.screen
    reject = listed.out.split()[0]
    assert "as received" in home.run("rejects", "show", reject).out
    closed = home.run("rejects", "dismiss", reject, "--reason", "made up")
    assert "1 rejects dismissed" in closed.out, closed.screen
    assert home.run("rejects", "retry").code == 0


def test_a_proposed_mapping_can_be_tried_and_loaded(
    new_home: Callable[..., Home], tmp_path: Path
) -> None:
    home = new_home()
    file, mapping = tmp_path / "sales.csv", tmp_path / "mine.yaml"
    file.write_text(SALES)
    proposed = home.run("mapping", "suggest", str(file), "-o", str(mapping))
    assert proposed.code == 0, proposed.screen
    assert "price_aud" in proposed.err
    checked = home.run("mapping", "check", str(file), "--mapping", str(mapping))
    assert checked.code == 0, checked.screen
    assert "3 kept" in checked.out
    # A wrong mapping refuses the file, and must not make it known to the right one.
    refused = home.run_job("ingest", "--csv", str(file), "--mapping", "melbourne")
    assert refused.summary["raw"]["rejected"] == 3, refused.screen
    loaded = home.run_job("ingest", "--csv", str(file), "--mapping", str(mapping))
    assert loaded.code == 0, loaded.screen
    assert loaded.summary["raw"] == {
        "read": 3,
        "loaded": 3,
        "repeated": 0,
        "rejected": 0,
    }
    wrong = home.run("ingest", "--reference", "gnaf")
    assert wrong.code == 2
    assert "NAME=LOCATION" in wrong.err
