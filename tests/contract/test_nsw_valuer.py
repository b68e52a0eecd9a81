"""The PSI reader held to real files, where they are, and to big ones made here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from connectors.nsw_valuer.containers import find_containers
from connectors.nsw_valuer.layout import ROW_COLUMNS


def read(location: Path) -> Counter[str]:
    """Counts over everything at a location; every file must reconcile by itself."""
    total: Counter[str] = Counter()
    legal = ROW_COLUMNS.index("legal_description") - len(ROW_COLUMNS)
    distinct: set[str] = set()
    for _, container in find_containers(location):
        for parsed in container.files():
            rows = rejected = 0
            for batch in parsed.batches():
                rows += len(batch.rows)
                rejected += batch.rejected
                distinct.update(batch.hashes)
                for row in batch.rows:
                    total["with legal"] += row.rsplit(";", -legal)[1] != ""
                total.update(reject.rule_id for reject in batch.rejects)
            counts = parsed.record_counts
            assert rows + rejected == counts["B"], parsed.file.source_file
            total.update({"files": 1, "rows": rows, "rejected": rejected})
            total.update({"refused": parsed.refusal is not None})
            total.update({"noted": parsed.file.note is not None})
            total.update({letter: counts[letter] for letter in "BCD"})
    total["distinct"] = len(distinct)
    return total


def test_44_real_weeks_reconcile(shared_data: Path) -> None:
    found = read(shared_data / "nsw_psi_weekly_2024")
    assert found["B"] == 171_107 == found["rows"] + found["rejected"]
    # kept + rejected + repeats = read
    assert found["distinct"] == 161_104
    assert found["rejected"] == found["contract_date_out_of_range"] == 35
    assert (found["refused"], found["noted"]) == (0, 0)
    assert found["record_without_sale"] == 0
    assert (found["C"], found["D"]) == (171_463, 501_012)
    assert found["with legal"] > 0.999 * found["rows"]


def test_17_years_of_raw_lines_reconcile(shared_data: Path) -> None:
    found = read(shared_data / "nsw_psi_history_2001_2017")
    assert found["B"] == 476_934 == found["rows"] + found["rejected"]
    assert found["rejected"] == found["contract_date_out_of_range"] == 28
    assert found["distinct"] == 470_793
    # Each C record is joined, but for four whose property id is left out.
    assert found["C"] == 477_548
    assert found["record_without_sale"] == 4
    assert found["with legal"] > 0.995 * found["rows"]
    # The publisher's own trailers are not with them, and the ledger says so.
    assert (found["files"], found["noted"], found["refused"]) == (34, 17, 0)


@pytest.mark.parametrize("slashes", [True, False])
def test_a_year_of_the_archive_in_one_file_streams(
    tmp_path: Path, slashes: bool
) -> None:
    count = 105_332
    contract = "1/02/1990" if slashes else "19900201"
    with (tmp_path / "ARCHIVE_SALES_1990.DAT").open("w") as out:
        out.write("A;;VALNET1;20150909 11:33;;\n")
        for number in range(count):
            out.write(
                f"B;011;{'ARCHIVE' if number % 3 else 'VALNET1'};014590000;{number};;;"
                f"ELDON ST;ABERDEEN;2336;{contract};{14_500 + number % 999};"
                f"LOT {number};2365;M;10X20;;A;;;;\n"
            )
        out.write(f"Z;{count + 1};{count};;\n")
    sizes = []
    for _, container in find_containers(tmp_path):
        for parsed in container.files():
            assert parsed.refusal is None
            sizes += [len(batch.rows) for batch in parsed.batches()]
    assert sum(sizes) == count
    assert max(sizes) < 12_000
