"""Labelled addresses planted in a test's database, raw rows and identities alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID, uuid5

import psycopg

from benchmarks.labelled_set import canonical
from simulator.labelled_addresses import LabelledAddress

_ROOT = UUID("00000000-0000-0000-0000-00000000a3a3")


def plant(
    conn: psycopg.Connection, addresses: Sequence[LabelledAddress], batch: str = "one"
) -> None:
    """Load addresses as one batch of raw rows, identify them as the platform does."""
    batch_id = uuid5(_ROOT, batch)
    with conn.transaction():
        for source, table in (
            ("nsw_valuer", "raw.nsw_valuer__sales"),
            ("csv", "raw.csv__sales"),
        ):
            own = [
                a for a in addresses if (a.source == "nsw_valuer") == (source != "csv")
            ]
            if not own:
                continue
            _ledger(conn, source, table, batch_id, len(own))
            hashes = (
                _plant_psi(conn, own, batch_id)
                if source == "nsw_valuer"
                else _plant_csv(conn, own, batch_id)
            )
            _identify(conn, source, own, hashes)
    conn.commit()


def _ledger(
    conn: psycopg.Connection, source: str, table: str, batch_id: UUID, rows: int
) -> None:
    conn.execute(
        "insert into ops.source_files (file_id, source, source_file, container_file, "
        "container_sha256, sha256, size_bytes, batch_id, status, rows_read, "
        "rows_loaded, rows_repeated, rows_rejected, is_simulated, table_name) "
        "values (%s, %s, %s, 'x', %s, 'x', 1, %s, 'loaded', %s, %s, 0, 0, true, %s)",
        [
            uuid5(batch_id, source),
            source,
            str(batch_id),
            str(batch_id),
            batch_id,
            rows,
            rows,
            table,
        ],
    )


def _plant_psi(
    conn: psycopg.Connection, own: Sequence[LabelledAddress], batch_id: UUID
) -> list[UUID]:
    found = []
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into raw.nsw_valuer__sales (district_code, valuer_property_id, "
            "sale_counter, downloaded_at, unit_number, house_number, street_name, "
            "locality, postcode, strata_lot_number, record_format, _row_hash, "
            "_source_file, _row_number, _batch_id, _is_simulated) values ('001', %s, "
            "'1', '2024-01-01', nullif(%s, ''), nullif(%s, ''), %s, %s, "
            "nullif(%s, ''), nullif(%s, ''), 'current', %s, 'f', %s, %s, true) "
            "returning _address_hash",
            [
                (
                    *(a.parcel, a.unit, a.house_number, a.street, a.locality),
                    *(
                        a.postcode,
                        a.strata_lot,
                        uuid5(batch_id, f"psi{n}"),
                        n,
                        batch_id,
                    ),
                )
                for n, a in enumerate(own)
            ],
            returning=True,
        )
        while True:
            found.append(cursor.fetchone()[0])
            if not cursor.nextset():
                return found


def _plant_csv(
    conn: psycopg.Connection, own: Sequence[LabelledAddress], batch_id: UUID
) -> list[UUID]:
    found = []
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into raw.csv__sales (mapping, address, locality, state, postcode, "
            "dwelling_type, is_sale, latitude, longitude, original, _row_hash, "
            "_source_file, _row_number, _batch_id, _is_simulated) values (%s, %s, %s, "
            "%s, nullif(%s, ''), %s, true, %s, %s, '', %s, 'f', %s, %s, true) "
            "returning _address_hash",
            [
                (
                    *(a.source, a.address, a.locality, a.state, a.postcode),
                    *(a.dwelling_type, a.latitude, a.longitude),
                    *(uuid5(batch_id, f"csv{n}"), n, batch_id),
                )
                for n, a in enumerate(own)
            ],
            returning=True,
        )
        while True:
            found.append(cursor.fetchone()[0])
            if not cursor.nextset():
                return found


def _identify(
    conn: psycopg.Connection,
    source: str,
    own: Sequence[LabelledAddress],
    hashes: Sequence[UUID],
) -> None:
    rows = {}
    for given, address_hash in zip(own, hashes, strict=True):
        known = canonical(given)
        rows[address_hash] = {
            "source": source,
            "address_hash": str(address_hash),
            "property_id": str(known.property_id),
            "address_key": known.key,
            "key_kind": known.key_kind,
            "address": known.address,
            "unit_number": known.unit_number,
            "street_number": known.street_number,
            "street_name": known.street_name,
            "street_type": known.street_type,
            "street_suffix": known.street_suffix,
            "lot_number": known.lot_number,
            "level_number": known.level_number,
            "locality": known.locality,
            "state": known.state,
            "postcode": known.postcode,
            "confidence": known.confidence,
            "assumptions": list(known.assumptions),
            "rule_version": known.rule_version,
            "revision": 1,
        }
    names = list(next(iter(rows.values())))
    conn.execute(
        f"insert into intermediate.int_address__identity ({', '.join(names)}) "
        f"select {', '.join(names)} from jsonb_populate_recordset("
        "null::intermediate.int_address__identity, %s::jsonb) "
        "on conflict (source, address_hash) do nothing",
        [json.dumps(list(rows.values()))],
    )


def redirects(conn: psycopg.Connection) -> dict[UUID, UUID]:
    """Who is who in the end; ids that stand for themselves left out."""
    return dict(
        conn.execute(
            "select from_property_id, to_property_id "
            "from intermediate.int_property__redirects "
            "where from_property_id <> to_property_id"
        ).fetchall()
    )


def reviews(conn: psycopg.Connection) -> set[tuple[object, ...]]:
    """Reviews that are not superseded, without times."""
    return set(
        conn.execute(
            "select review_id, low_address_key, high_address_key, score, why, status, "
            "decided_by, reason, evidence::text from marts.merge_reviews "
            "where status <> 'superseded'"
        ).fetchall()
    )


def remembered(conn: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """What the linkage keeps for its next run."""
    queries = {
        "records": "select property_id, street_key, first_number, "
        "(select array_agg(k order by k) from unnest(block_keys) k) "
        "from ops.linkage_records order by 1",
        "streets": "select * from ops.linkage_streets where support > 0 order by 1",
        "pairs": "select * from ops.linkage_pairs order by 1, 2",
        "addresses": "select * from ops.linkage_addresses order by 1, 2",
    }
    return {name: conn.execute(query).fetchall() for name, query in queries.items()}
