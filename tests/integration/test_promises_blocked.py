"""A bad batch stops what depends on it, says which rule and rows, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.homes import Home, contents, differences, sources_of
from tests.psi_samples import sale, write_week
from tests.reaxml_samples import FULL, drop, feed, record

UNTOUCHED = (
    "marts.properties",
    "marts.sales",
    "marts.price_history",
    "intermediate.int_market__suburb_months",
    "ml.training_features",
    "ml.property_features",
    "ml.price_predictions",
    "ml.model_promotions",
    "delivery.events",
)


def check_result(conn: psycopg.Connection[Any]) -> str:
    """The last failed suite as Dagster keeps it, metadata included."""
    row = conn.execute(
        "select evaluation_event from dagster.asset_check_executions "
        "where execution_status = 'FAILED' and check_name = 'expectations' "
        "order by id desc limit 1"
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_bad_batch_stops_what_is_downstream_and_nothing_else(
    new_home: Callable[..., Home],
    waiting_home: Path,
    market_files: Path,
    tmp_path: Path,
) -> None:
    home = new_home(source=waiting_home, environment="production")
    psi = tmp_path / "psi"
    shutil.copytree(next(market_files.rglob("*.zip")).parent, psi)
    sales = [sale(n, price="0" if n % 5 < 2 else "585000") for n in range(1, 61)]
    write_week(psi, *sales, week="20230703")
    arguments = list(sources_of(market_files))
    arguments[1] = str(psi)
    with home.connect("real") as conn:
        before = contents(conn)
        # What an earlier run left unsent is due whatever happens upstream.
        waiting = conn.execute(
            "update delivery.deliveries set status = 'pending', delivered_at = null, "
            "next_attempt_at = now() where delivery_id in "
            "(select delivery_id from delivery.deliveries limit 7)"
        ).rowcount
    assert waiting == 7

    ended = home.run_job("run", *arguments)

    assert ended.code == 1, ended.screen
    assert "Traceback" not in ended.screen
    assert "failed: check expectations of raw/nsw_valuer__sales: At most" in ended.out
    assert "FAILED" in ended.out
    assert ended.summary["checks"]["failed"] == 1
    assert ended.summary["raw"]["loaded"] == 60
    assert "verified 7 signatures, refused 0" in ended.out
    with home.connect("real") as conn:
        after = contents(conn)
        evidence = check_result(conn)
    assert len(after["raw.nsw_valuer__sales"]) == 60 + len(
        before["raw.nsw_valuer__sales"]
    )
    assert (
        differences(
            {table: after[table] for table in UNTOUCHED},
            {table: before[table] for table in UNTOUCHED},
        )
        == []
    )
    assert (
        differences(
            {"delivery.deliveries": after["delivery.deliveries"]},
            {"delivery.deliveries": before["delivery.deliveries"]},
        )
        == []
    )
    # The UI shows the rule and the rows: file and line.
    assert "prices_are_there_in_each_batch" in evidence
    assert "20230703.zip" in evidence


def test_a_broken_feed_stops_the_listings_and_never_the_sales(
    new_home: Callable[..., Home], tmp_path: Path
) -> None:
    sales = tmp_path / "sales.csv"
    lines = [
        f"Abbotsford,{n} High St,3,h,900000,S,X,1/04/2017,3067" for n in range(1, 91)
    ]
    header = "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Postcode"
    sales.write_text("\n".join([header, *lines, ""]))
    folder = tmp_path / "drop"
    nowhere = FULL.replace("<state>vic</state>", "").replace(
        '<suburb display="yes">RICHMOND</suburb>', ""
    )
    drop(
        folder,
        "agency.xml",
        feed(*(record(nowhere, unique=f"U{n}") for n in range(40))),
    )
    home = new_home(
        market="real",
        reaxml__drop_folder=str(folder),
        csv__location=str(sales),
    )

    done = home.drive("job", "refresh")

    assert not done["success"]
    assert done["run_totals"]["raw/reaxml__listings"]["loaded"] == 40
    with home.connect("real") as conn:
        failed = conn.execute(
            "select asset_key, check_name from dagster.asset_check_executions "
            "where execution_status = 'FAILED'"
        ).fetchall()
        assert ('["raw", "reaxml__listings"]', "expectations") in failed
        assert "addresses_name_a_place" in check_result(conn)
        # Upstream and beside: all there. Downstream: never begun.
        for table, least in (
            ("marts.sales", 90),
            ("marts.properties", 90),
            ("marts.suburb_market", 1),
            ("ml.property_features", 90),
        ):
            [(rows,)] = conn.execute(f"select count(*) from {table}").fetchall()
            assert rows >= least, table
        [(listings,)] = conn.execute(
            "select to_regclass('marts.listings')::text"
        ).fetchall()
        texts = "select count(*) from intermediate.int_price_text__parsed"
        assert (listings, conn.execute(texts).fetchone()) == (None, (0,))
    page = home.folder / "real" / "docs" / "data_docs" / "index.html"
    assert "agency.xml" in page.read_text()
    assert "addresses_name_a_place" in page.read_text()
