"""Identities: read once, whole or not at all, the same however they came about."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from assets.identity import address_identity
from assets.landing import identification
from assets.landing.address_streams import copied_out
from assets.landing.gnaf_keys import refresh_gnaf_keys
from assets.landing.identification import identify_addresses
from assets.landing.reference import ingest_reference
from assets.resources import Warehouse
from database.discarding import discard_batch
from tests.landings import land, one
from tests.psi_samples import sale, write_week
from tests.reference_files import gnaf_row, gnaf_text, localities_csv

TABLE = "intermediate.int_address__identity"
ROOT = Path(__file__).parents[2]


def identities(conn: psycopg.Connection, *dropped: str) -> list[str]:
    """Every row, without when it was written."""
    clocks = ["changed_at", "revision", *dropped]
    rows = conn.execute(
        f"select (to_jsonb(t) - %s::text[])::text from {TABLE} t order by 1", [clocks]
    ).fetchall()
    conn.rollback()
    return [row[0] for row in rows]


def versions(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Physical versions of the rows: the same means that nobody touched them."""
    rows = conn.execute(f"select ctid::text, xmin::text from {TABLE} order by 1")
    found = rows.fetchall()
    conn.rollback()
    return found


def weeks(folder: Path, count: int = 2, sales: int = 6) -> None:
    for week in range(count):
        stamp = f"202406{10 + 7 * week:02}"
        rows = [
            sale(
                week * sales + number,
                house=str(week * sales + number),
                stamp=f"{stamp} 01:07",
            )
            for number in range(1, sales + 1)
        ]
        write_week(folder, *rows, week=stamp)


def release(conn: psycopg.Connection, dataset: str, path: Path) -> None:
    ingest_reference(
        conn, dataset, path, is_simulated=False, landing=path.parent / "landing"
    )


def test_a_rerun_reads_nothing_and_touches_no_row(
    conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weeks(tmp_path)
    land(conn, tmp_path)
    assert identify_addresses(conn, "nsw_valuer") == 12
    before = versions(conn)

    def unasked(*_: object, **__: object) -> Any:
        raise AssertionError("raw rows were read though nothing is new")

    monkeypatch.setattr(identification, "copied_out", unasked)
    assert identify_addresses(conn, "nsw_valuer") == 0
    assert versions(conn) == before


def test_only_new_batches_are_read_and_give_what_one_reading_of_all_gives(
    conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    weeks(tmp_path / "first", 2)
    known = sale(1, house="1", counter="7", price="1", stamp="20240701 01:07")
    new = sale(90, house="90", stamp="20240701 01:07")
    write_week(tmp_path / "second", known, new, week="20240701")
    land(conn, tmp_path / "first")
    identify_addresses(conn, "nsw_valuer")
    land(conn, tmp_path / "second")
    read: list[int] = []

    def counting(*arguments: Any, **more: Any) -> Any:
        for page in copied_out(*arguments, **more):
            read.append(len(page))
            yield page

    monkeypatch.setattr(identification, "copied_out", counting)
    assert identify_addresses(conn, "nsw_valuer") == 1
    assert sum(read) == 1
    stepwise = identities(conn)
    assert len(stepwise) == 13
    conn.execute(f"truncate {TABLE}, ops.identified_batches")
    conn.commit()
    assert identify_addresses(conn, "nsw_valuer") == 13
    assert identities(conn) == stepwise


def test_keys_and_indexes_are_there_after_the_first_load(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    query = (
        "select indexdef from pg_indexes where schemaname = 'intermediate' "
        "and tablename = 'int_address__identity' order by 1"
    )
    before = conn.execute(query).fetchall()
    weeks(tmp_path)
    land(conn, tmp_path)
    identify_addresses(conn, "nsw_valuer")
    assert conn.execute(query).fetchall() == before
    assert any("UNIQUE" in row[0] for row in before)
    assert (
        one(
            conn,
            "select count(*) from pg_trigger where tgrelid = "
            f"'{TABLE}'::regclass and not tgisinternal and tgenabled <> 'O'",
        )
        == 0
    )


def test_older_rules_are_replaced_and_only_other_ids_count_as_changed(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    weeks(tmp_path)
    land(conn, tmp_path)
    identify_addresses(conn, "nsw_valuer")
    good = identities(conn)
    # What older rules had written: three homes under other keys, one of no raw row.
    conn.execute(
        f"update {TABLE} set rule_version = 1, changed_at = '2024-01-01', "
        "address_key = address_key || left(street_number, 1), "
        "property_id = case when street_number in ('1', '2', '3') "
        "then gen_random_uuid() else property_id end"
    )
    conn.execute(
        f"insert into {TABLE} (source, address_hash, property_id, address_key, "
        "key_kind, address, confidence, rule_version) values ('nsw_valuer', "
        "gen_random_uuid(), gen_random_uuid(), 'X', 'address', 'X', 1, 1)"
    )
    conn.commit()
    assert identify_addresses(conn, "nsw_valuer") == 12
    assert identities(conn) == good
    assert (
        one(conn, f"select count(*) from {TABLE} where changed_at > '2024-01-02'") == 3
    )
    assert identify_addresses(conn, "nsw_valuer") == 0


def test_a_discarded_batch_takes_its_identities_along_and_may_come_back(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    weeks(tmp_path)
    land(conn, tmp_path)
    identify_addresses(conn, "nsw_valuer")
    everything = identities(conn)
    batch = one(
        conn, "select batch_id from ops.source_files order by source_file limit 1"
    )
    conn.commit()
    discard_batch(conn, batch, "Prices in cents.")  # type: ignore[arg-type]
    assert identify_addresses(conn, "nsw_valuer") == 0
    left = identities(conn)
    assert len(left) == 6
    assert set(left) < set(everything)
    conn.execute("delete from raw.nsw_valuer__sales")
    conn.execute("delete from ops.source_files")
    conn.commit()
    land(conn, tmp_path)
    identify_addresses(conn, "nsw_valuer")
    assert identities(conn) == everything


def test_killed_in_the_middle_and_run_again_gives_the_same(
    conn: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    weeks(tmp_path, 3, 400)
    land(conn, tmp_path)
    conn.commit()
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, database_url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "in the middle\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert identities(conn) == []
    assert one(conn, "select count(*) from ops.identified_batches") == 0
    conn.rollback()
    assert identify_addresses(conn, "nsw_valuer") == 1200
    after = identities(conn)
    conn.execute(f"truncate {TABLE}, ops.identified_batches")
    conn.commit()
    identify_addresses(conn, "nsw_valuer")
    assert identities(conn) == after


_KILLED = """
import sys, time
import psycopg
from assets.landing import identification
from assets.landing.address_streams import copied_out

def slow(*arguments, **more):
    for number, page in enumerate(copied_out(*arguments, page_bytes=20_000, **more)):
        if number == 2:
            print("in the middle", flush=True)
            time.sleep(60)
        yield page

identification.copied_out = slow
with psycopg.connect(sys.argv[1]) as conn:
    identification.identify_addresses(conn, "nsw_valuer")
"""


def test_pages_of_one_reading_never_give_an_address_twice(
    conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [sale(n, house=str(n % 40), prop="5") for n in range(1, 200)]
    write_week(tmp_path, *first)
    land(conn, tmp_path)

    def small(*arguments: Any, **more: Any) -> Any:
        return copied_out(*arguments, page_bytes=1_000, **more)

    monkeypatch.setattr(identification, "copied_out", small)
    count = identify_addresses(conn, "nsw_valuer")
    hashes = one(
        conn, "select count(distinct _address_hash) from raw.nsw_valuer__sales"
    )
    assert count == hashes == len(identities(conn))


def test_localities_are_told_by_the_reference_set_and_never_change_a_key(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    write_week(tmp_path, sale(1), sale(2))
    land(conn, tmp_path)
    identify_addresses(conn, "nsw_valuer")
    suburb = one(conn, f"select min(locality) from {TABLE}")
    postcode = one(conn, f"select min(postcode) from {TABLE}")
    before = identities(conn, "locality_id")
    assert one(conn, f"select count(locality_id) from {TABLE}") == 0
    path = tmp_path / "list_20250906.csv"
    path.write_text(localities_csv((str(postcode), str(suburb), "NSW")))
    release(conn, "localities", path)
    # Read again because the release is new, not because any row is.
    assert identify_addresses(conn, "nsw_valuer") == 2
    assert one(conn, f"select count(locality_id) from {TABLE}") == 2
    assert identities(conn, "locality_id") == before
    touched = versions(conn)
    assert identify_addresses(conn, "nsw_valuer") == 0
    assert versions(conn) == touched


def gnaf_file(folder: Path, *rows: dict[str, str], day: str = "AUG25") -> Path:
    path = folder / f"GNAF_CORE_{day}.psv"
    path.write_bytes(gnaf_text(rows))
    return path


def test_gnaf_is_attached_by_key_through_aliases_and_goes_with_its_release(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    place = {"LOCALITY_NAME": "ALDRENBURY", "STATE": "NSW", "POSTCODE": "2005"}
    here = {"street": "EXAMPLE ST", "locality": "ALDRENBURY", "postcode": "2005"}
    write_week(
        tmp_path,
        sale(1, house="106", **here),
        sale(2, house="108", unit="3", **here),
        sale(3, house="1", **{**here, "street": "OTHER RD"}),
        sale(4, house="999", **here),
    )
    land(conn, tmp_path)
    identify_addresses(conn, "nsw_valuer")
    path = gnaf_file(
        tmp_path,
        gnaf_row("GANSW1", **place),
        gnaf_row(
            "GANSW2", NUMBER_FIRST="108", FLAT_TYPE="UNIT", FLAT_NUMBER="3", **place
        ),
        gnaf_row("GANSW3", NUMBER_FIRST="2", STREET_NAME="MAIN", **place),
        gnaf_row(
            "GANSW4",
            NUMBER_FIRST="1",
            STREET_NAME="OTHER",
            STREET_TYPE="ROAD",
            ALIAS_PRINCIPAL="A",
            PRINCIPAL_PID="GANSW3",
            **place,
        ),
    )
    release(conn, "gnaf", path)
    assert refresh_gnaf_keys(conn) == 4
    assert refresh_gnaf_keys(conn) is None
    found = dict(
        conn.execute(f"select street_number, gnaf_pid from {TABLE}").fetchall()
    )
    assert found == {"106": "GANSW1", "108": "GANSW2", "1": "GANSW3", "999": None}
    # An address that comes later has its PID at once.
    write_week(
        tmp_path,
        sale(8, house="2", **{**here, "street": "MAIN ST"}, stamp="20240701 01:07"),
        week="20240701",
    )
    land(conn, tmp_path)
    assert identify_addresses(conn, "nsw_valuer") == 1
    assert (
        one(conn, f"select gnaf_pid from {TABLE} where street_name = 'MAIN'")
        == "GANSW3"
    )
    # Without a release nothing bears a PID.
    conn.execute("update ops.reference_releases set status = 'loaded'")
    conn.commit()
    assert refresh_gnaf_keys(conn) == 0
    assert one(conn, f"select count(gnaf_pid) from {TABLE}") == 0


def test_a_first_load_beside_gnaf_has_its_pids(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    release(conn, "gnaf", gnaf_file(tmp_path, gnaf_row("GANSW1")))
    refresh_gnaf_keys(conn)
    write_week(
        tmp_path,
        sale(
            1, house="106", street="EXAMPLE ST", locality="ALDRENBURY", postcode="2005"
        ),
    )
    land(conn, tmp_path)
    identify_addresses(conn, "nsw_valuer")
    assert one(conn, f"select gnaf_pid from {TABLE}") == "GANSW1"


def test_parcel_and_dwelling_are_told_apart(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    write_week(
        tmp_path,
        sale(1, house="12", prop="77"),
        sale(2, house="14", prop="78", unit="3", lot="9"),
        sale(3, house="14", prop="78", unit="4", lot="10"),
    )
    land(conn, tmp_path)
    identify_addresses(conn, "nsw_valuer")
    rows = conn.execute(
        f"select parcel_key, dwelling_kind from {TABLE} order by 1, unit_number"
    ).fetchall()
    assert rows == [
        ("NSW|PARCEL|77", "parcel"),
        ("NSW|PARCEL|78", "dwelling"),
        ("NSW|PARCEL|78", "dwelling"),
    ]


LISTINGS = """
create table staging.stg_domain__listing_versions as
select md5(n::text)::uuid as address_hash, '3'::text as unit_number,
    n::text as street_number, 'Smith Street'::text as street,
    'RANDWICK'::text as locality, 'NSW'::text as state, '2031'::text as postcode
from generate_series(1, {count}) n
"""


def test_listings_are_read_where_their_staging_stands(
    conn: psycopg.Connection,
) -> None:
    assert identify_addresses(conn, "domain") == 0
    assert identify_addresses(conn, "reaxml") == 0
    conn.commit()
    conn.execute("create schema if not exists staging")
    # A relation of an older build, without address parts: as good as none.
    conn.execute("create table staging.stg_reaxml__versions as select 1 as listing_id")
    conn.execute(LISTINGS.format(count=3))
    conn.commit()
    assert identify_addresses(conn, "reaxml") == 0
    assert identify_addresses(conn, "domain") == 3
    keys = conn.execute(f"select address_key from {TABLE} order by 1").fetchall()
    assert keys[0] == ("NSW|RANDWICK|SMITH STREET|1|3",)
    conn.execute("drop table staging.stg_domain__listing_versions")
    conn.execute(LISTINGS.format(count=5))
    conn.execute(
        "delete from staging.stg_domain__listing_versions where street_number = '1'"
    )
    conn.commit()
    assert identify_addresses(conn, "domain") == 2
    found = conn.execute(f"select street_number from {TABLE} order by 1").fetchall()
    assert [row[0] for row in found] == ["2", "3", "4", "5"]


def test_staging_without_a_hash_gets_the_one_that_dbt_would_give(
    conn: psycopg.Connection,
) -> None:
    conn.execute("create schema if not exists staging")
    conn.execute(
        "create table staging.stg_reaxml__versions as select '12' as street_number, "
        "'Smith Street' as street, 'RANDWICK' as locality, 'NSW' as state, "
        "'2031' as postcode, null::text as building_name"
    )
    conn.commit()
    assert identify_addresses(conn, "reaxml") == 1
    parts = ("", "", "", "", "12", "Smith Street", "RANDWICK", "NSW", "2031")
    text = "".join(f"{part}\x1f" for part in parts)
    digest = hashlib.md5(text.encode()).hexdigest()
    assert (
        one(conn, f"select replace(address_hash::text, '-', '') from {TABLE}") == digest
    )


def test_listings_that_stand_as_they_were_are_not_read_again(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    conn.execute("create schema if not exists staging")
    conn.execute(LISTINGS.format(count=3))
    conn.execute(
        "insert into ops.builds (name, fingerprint) values ('dbt_listings', 'x')"
    )
    conn.commit()
    assert identify_addresses(conn, "domain") == 3

    def unasked(*_: object, **__: object) -> Any:
        raise AssertionError("staging was read though it is as it was")

    monkeypatch.setattr(identification, "copied_out", unasked)
    assert identify_addresses(conn, "domain") == 0
    conn.execute("update ops.builds set finished_at = now() + interval '1 second'")
    conn.commit()
    with pytest.raises(AssertionError, match="as it was"):
        identify_addresses(conn, "domain")


def test_the_asset_shows_what_each_source_added(
    conn: psycopg.Connection,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_MARKET", "real")
    weeks(tmp_path)
    land(conn, tmp_path)
    conn.commit()
    for expected in (12, 0):
        result = dg.materialize(
            [address_identity], resources={"warehouse": Warehouse()}
        )
        (made,) = result.asset_materializations_for_node(address_identity.op.name)
        shown = {name: value.value for name, value in made.metadata.items()}
        assert shown["added_nsw_valuer"] == expected
        assert shown["added_domain"] == 0
        assert shown["dagster/row_count"] == 12
        assert len(shown["by_kind"].records) == 1
