"""A branch of which nothing ever landed is not built again, and piles up nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from assets.builds import FEATURES_BUILD, LISTINGS_BUILD, SALES_BUILD
from assets.dbt_branches import BRANCHES, Branch, build_fingerprint, drop_idle_notes

IDENTITY = "intermediate.int_address__identity"
MANIFEST = {
    "nodes": {
        name: {"resource_type": "model", "alias": name, "tags": tags}
        for name, tags in (("listings", ["listing_marts"]), ("sales", []))
    }
}


def branch(name: str) -> Branch:
    return next(found for found in BRANCHES if found.name == name)


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as conn:
        for model in ("listings", "sales"):
            conn.execute("select ops.register_model(%s, %s)", [model, [IDENTITY]])
        conn.execute("delete from ops.model_changes")
        yield conn


def identify(conn: psycopg.Connection) -> None:
    conn.execute("select ops.tell_models(%s, %s)", [IDENTITY, [str(uuid.uuid4())]])


def land(conn: psycopg.Connection, source: str) -> None:
    conn.execute(
        "insert into ops.source_files (file_id, source, source_file, container_file, "
        "container_sha256, sha256, size_bytes, batch_id, status, rows_read, "
        "rows_loaded, rows_repeated, rows_rejected, is_simulated, table_name) values "
        "(gen_random_uuid(), %s, 'a', 'a', 'x', 'x', 1, gen_random_uuid(), 'loaded', "
        "1, 1, 0, 0, false, 'raw.any')",
        [source],
    )


def told(conn: psycopg.Connection) -> list[str]:
    rows = conn.execute("select model from ops.model_changes order by 1").fetchall()
    return [model for (model,) in rows]


def test_listings_wait_for_a_portal_however_many_sales_come(
    conn: psycopg.Connection,
) -> None:
    before = {name: fingerprint(conn, name) for name in (LISTINGS_BUILD, SALES_BUILD)}
    land(conn, "nsw_valuer")
    identify(conn)

    assert fingerprint(conn, LISTINGS_BUILD) == before[LISTINGS_BUILD]
    assert fingerprint(conn, SALES_BUILD) != before[SALES_BUILD]


def test_with_a_portal_listings_follow_identities(conn: psycopg.Connection) -> None:
    before = fingerprint(conn, LISTINGS_BUILD)
    land(conn, "reaxml")
    landed = fingerprint(conn, LISTINGS_BUILD)
    identify(conn)

    assert len({before, landed, fingerprint(conn, LISTINGS_BUILD)}) == 3


def test_features_follow_the_reference_sets_they_look_up(
    conn: psycopg.Connection,
) -> None:
    seen = [fingerprint(conn, FEATURES_BUILD)]
    for source in ("gnaf", "cash_rate", "seifa", "nsw_land_values"):
        land(conn, source)
        seen.append(fingerprint(conn, FEATURES_BUILD))

    assert seen[0] == seen[1], "of addresses they know nothing"
    assert len(set(seen)) == 4
    assert not branch(FEATURES_BUILD).waits


def test_notes_of_idle_listings_are_dropped_and_no_others(
    conn: psycopg.Connection,
) -> None:
    identify(conn)
    for found in BRANCHES:
        drop_idle_notes(conn, found, MANIFEST)
    assert told(conn) == ["sales"]

    identify(conn)
    land(conn, "domain")
    for found in BRANCHES:
        drop_idle_notes(conn, found, MANIFEST)
    assert told(conn) == ["listings", "sales", "sales"]


def fingerprint(conn: psycopg.Connection, name: str) -> str:
    return build_fingerprint(conn, branch(name))
