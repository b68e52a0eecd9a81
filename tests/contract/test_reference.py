"""The real reference files: every record loaded or refused, by the figures we know."""

from __future__ import annotations

import random
from pathlib import Path

import psycopg
import pytest

from assets.landing.reference import ingest_reference
from connectors.reference.catalogue import DATASETS
from connectors.reference.releases import find_releases
from database.releases import wholeness

#: Set, folder; lines by part; records, of which refused.
FIGURES = [
    ("localities", "au_postcodes", {"all": 18_559}, 18_559, 1),
    ("nsw_land_values", "nsw_land_values_20171101", {"all": 42_860}, 42_860, 0),
    (
        "seifa",
        "abs_seifa_2016",
        {"2016_sa1": 55_140, "2016_poa_derived": 2_481, "2016_sa2_derived": 2_184},
        # Four indexes an area, less those the README counts as missing from SA1.
        4 * (55_140 + 2_481 + 2_184) - 2 * 112 - 88 - 9,
        0,
    ),
    ("cash_rate", "rba_cash_rate", {"f1": 3_835, "target_changes": 97}, 44_392, 0),
    (
        "price_index",
        "abs_rppi",
        {"residential_property_price_index": 74},
        # 27 series of 74 quarters: 9 begin a quarter later, 9 a year later.
        27 * 74 - 9 - 9 * 4,
        0,
    ),
    ("vic_suburb_medians", "vic_vg_suburb_medians", {"house_year": 787}, 9_360, 0),
    (
        "nsw_suburb_medians",
        "nsw_suburb_medians",
        {"quantiles_suburb": 84_717, "quantiles_postcode": 19_009},
        84_717 + 19_009,
        0,
    ),
]
DATES = {
    "localities": {"2025-09-07"},
    "nsw_land_values": {"2017-11-01"},
    "seifa": {"2018-03-27"},
    "cash_rate": {"2026-02-27", "2026-03-18"},
    "price_index": {"2021-12-31"},
    "vic_suburb_medians": {"2023-12-31"},
    "nsw_suburb_medians": {"2023-12-31"},
}


@pytest.mark.parametrize(
    ("dataset", "folder", "lines", "records", "refused"),
    FIGURES,
    ids=[figure[0] for figure in FIGURES],
)
def test_real_files_reconcile_to_the_row(
    conn: psycopg.Connection,
    shared_data: Path,
    tmp_path: Path,
    dataset: str,
    folder: str,
    lines: dict[str, int],
    records: int,
    refused: int,
) -> None:
    place = shared_data / folder
    summary = ingest_reference(
        conn, dataset, place, landing=tmp_path, is_simulated=False
    )
    assert (summary.read, summary.rejected) == (records, refused)
    assert summary.loaded == records - refused
    assert {one.status for one in summary.releases} == {"current"}
    assert {one.day.isoformat() for one in summary.releases} == DATES[dataset]
    counted = conn.execute(
        "select r.part, sum((f.record_counts ->> 'lines')::int) "
        "from ops.source_files f join ops.reference_releases r using (batch_id) "
        "group by 1"
    ).fetchall()
    assert dict(counted) == lines
    table = DATASETS[dataset].table
    assert all(one.is_whole for one in wholeness(conn, dataset, table))
    drift = conn.execute(
        "select field from ops.source_fields where status in ('new', 'missing')"
    ).fetchall()
    assert drift == []

    again = ingest_reference(conn, dataset, place, landing=tmp_path, is_simulated=False)
    assert (again.loaded, again.repeated) == (0, records - refused)


def test_what_the_readmes_say_of_single_rows(
    conn: psycopg.Connection, shared_data: Path, tmp_path: Path
) -> None:
    for dataset, folder in (
        ("localities", "au_postcodes"),
        ("vic_suburb_medians", "vic_vg_suburb_medians"),
        ("cash_rate", "rba_cash_rate"),
    ):
        ingest_reference(
            conn, dataset, shared_data / folder, landing=tmp_path, is_simulated=False
        )

    def value(query: str) -> object:
        row = conn.execute(query).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None

    places = "select count(*) from raw.au_postcodes__localities"
    assert value(f"{places} where latitude is null") == 6
    assert value(f"{places} where not is_place") == 247 + 203
    assert value(f"{places} where postcode = '0800'") == 2
    assert value(
        "select string_agg(distinct council, ',' order by council) "
        "from raw.vic_valuer__suburb_medians where locality = 'HILLSIDE'"
    ) == ("BRIMBANK,MELTON")
    assert value(
        "select median_aud from raw.vic_valuer__suburb_medians "
        "where locality = 'ABERFELDIE' and is_preliminary"
    ) == (3_900_000)
    newest = value(
        "select value from raw.rba__cash_rate where table_code = 'target_changes' "
        "order by observed_on desc limit 1"
    )
    assert str(newest) == "4.1"


@pytest.mark.parametrize(
    ("dataset", "folder"),
    [figure[:2] for figure in FIGURES],
    ids=[figure[0] for figure in FIGURES],
)
def test_mutated_real_files_give_rows_or_rejects(
    shared_data: Path, tmp_path: Path, dataset: str, folder: str
) -> None:
    import gzip

    luck = random.Random(dataset)
    source = min(
        (p for p in (shared_data / folder).iterdir() if p.suffix in (".gz", ".csv")),
        key=lambda path: path.stat().st_size,
    )
    data = source.read_bytes()
    plain = gzip.decompress(data) if source.suffix == ".gz" else data
    plain = b"\n".join(plain.split(b"\n")[:60])
    path = tmp_path / source.name.removesuffix(".gz")
    for _ in range(60):
        mutated = bytearray(plain)
        for _ in range(luck.randint(1, 8)):
            at = luck.randrange(len(mutated))
            new = bytes(luck.randrange(256) for _ in range(luck.randint(0, 4)))
            mutated[at : at + luck.randint(0, 30)] = new
        path.write_bytes(mutated)
        for release in find_releases(DATASETS[dataset], [path]):
            for file in release.files():
                for batch in file.batches():
                    assert len(batch.rows) == len(batch.hashes)
