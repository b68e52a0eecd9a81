"""Raw rows to plant and dbt to run on them, for integration tests of the dbt project.

Addresses are resolved by a stand-in here (one address text, one property); the real
resolver has its own tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
import warnings
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

PROJECT = Path(__file__).parents[1] / "dbt_project"
TABLES = (
    "intermediate.int_sale__deduplicated",
    "intermediate.int_sale__validated",
    "intermediate.int_market__windows",
    "intermediate.int_market__state_months",
    "marts.sale_versions",
    "marts.properties",
    "marts.property_sources",
    "marts.property_attributes_history",
    "marts.sales",
    "marts.price_history",
    "marts.suburb_market",
    "ml.training_features",
    "ml.property_features",
)
NAMESPACE = uuid.UUID("7b0d4a52-7f0b-4c53-8f3c-3f0d1e5b7a10")


class DbtProject:
    """The project against one database, target and logs in a folder of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.manifest: Any = None
        parts = conninfo_to_dict(url)
        self.environment = {
            "AUSPROPERTY_DBT_HOST": str(parts["host"]),
            "AUSPROPERTY_DBT_PORT": str(parts["port"]),
            "AUSPROPERTY_DBT_USER": str(parts["user"]),
            "DBT_ENV_SECRET_AUSPROPERTY_PASSWORD": str(parts.get("password", "")),
            "AUSPROPERTY_DBT_DBNAME": str(parts["dbname"]),
        }

    def arguments(self, *command: str) -> list[str]:
        places = ["--project-dir", PROJECT, "--profiles-dir", PROJECT]
        places += ["--target-path", self.folder / "target"]
        places += ["--log-path", self.folder / "logs"]
        return ["--quiet", *command, *(str(place) for place in places)]

    def run(self, *command: str) -> dict[str, str]:
        """Run one dbt command in this process: status by node name."""
        os.environ.update(self.environment)
        if self.manifest is None:
            # A manifest names its database: it serves the commands of one test.
            self.manifest = self._invoke("parse").result
        result = self._invoke(*command)
        nodes = list(result.result.results) if result.result is not None else []
        failed = {
            n.node.name: n.message for n in nodes if n.status in ("error", "fail")
        }
        assert result.success, f"{failed} {result.exception}"
        return {node.node.name: str(node.status) for node in nodes}

    def _invoke(self, *command: str) -> Any:
        from dbt.cli.main import dbtRunner

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dbtRunner(manifest=self.manifest).invoke(self.arguments(*command))

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start dbt as a process of its own, to be killed."""
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "dbt"), *self.arguments(*command)],
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def psi(week: str, dealing: str, **columns: Any) -> dict[str, Any]:
    """A house sale as the weekly file of `week` (a Monday, ISO) states it."""
    row = {
        "district_code": "260",
        "valuer_property_id": dealing.removeprefix("A"),
        "sale_counter": "1",
        "downloaded_at": f"{week} 01:07",
        "house_number": dealing.removeprefix("A"),
        "street_name": "GEORGE ST",
        "locality": "PARRAMATTA",
        "postcode": "2150",
        "area": 600,
        "area_type": "M",
        "contract_date": "2024-01-10",
        "settlement_date": "2024-02-20",
        "purchase_price_aud": 1_000_000,
        "zone_code": "R2",
        "nature_code": "R",
        "primary_purpose": "RESIDENCE",
        "interest_percent": 0,
        "dealing_number": dealing,
        "record_format": "current",
        "_source_file": f"{week}.zip/260.DAT",
        "_row_number": 2,
        "_batch_id": uuid.uuid5(NAMESPACE, week),
        "_is_simulated": False,
    } | columns
    row["_row_hash"] = uuid.uuid5(NAMESPACE, repr(sorted(row.items())))
    return row


def csv(file: str, line: int, address: str, **columns: Any) -> dict[str, Any]:
    """A Melbourne auction result as a line of a file."""
    row = {
        "mapping": "melbourne",
        "address": address,
        "locality": "Abbotsford",
        "state": "VIC",
        "postcode": "3067",
        "dwelling_type": "house",
        "sale_method": "S",
        "is_sale": True,
        "sale_date": "2017-05-06",
        "price_aud": 1_200_000,
        "region": "Northern Metropolitan",
        "original": f"{file}:{line}",
        "_row_hash": uuid.uuid5(NAMESPACE, f"{file}:{line}"),
        "_source_file": file,
        "_row_number": line,
        "_batch_id": uuid.uuid5(NAMESPACE, file),
        "_is_simulated": False,
    }
    return row | columns


def plant(url: str, table: str, *rows: dict[str, Any]) -> None:
    """Insert raw rows and resolve their addresses: one address text, one property."""
    source = "csv" if table == "csv__sales" else "nsw_valuer"
    with psycopg.connect(url) as conn:
        for row in rows:
            names = ", ".join(row)
            places = ", ".join(["%s"] * len(row))
            conn.execute(
                f"insert into raw.{table} ({names}) values ({places})",
                list(row.values()),
            )
        _record(conn, source, table)
        line = (
            "address || ', ' || locality"
            if source == "csv"
            else "concat_ws(' ', strata_lot_number || '/', house_number, street_name)"
        )
        state = "state" if source == "csv" else "'NSW'"
        conn.execute(
            f"""
            insert into intermediate.int_address__identity
                (source, address_hash, property_id, address_key, key_kind, address,
                 locality, state, postcode, confidence, rule_version)
            select distinct on (_address_hash)
                '{source}', _address_hash, md5({line})::uuid, {line}, 'address', {line},
                upper(locality), {state}, postcode, 1, 1
            from raw.{table}
            order by _address_hash
            on conflict do nothing
            """
        )


def _record(conn: psycopg.Connection[Any], source: str, table: str) -> None:
    """Bring the ledger up to what is there, as a landing does: batch by batch."""
    conn.execute(
        f"""
        insert into ops.source_files as f (
            file_id, source, source_file, container_file, container_sha256, sha256,
            size_bytes, batch_id, status, rows_read, rows_loaded, rows_repeated,
            rows_rejected, is_simulated, table_name
        )
        select md5(_batch_id::text || _source_file)::uuid, '{source}', _source_file,
            _source_file, '', '', 0, _batch_id, 'loaded', count(*), count(*), 0, 0,
            bool_or(_is_simulated), 'raw.{table}'
        from raw.{table} group by _batch_id, _source_file
        on conflict (file_id) do update
        set rows_loaded = excluded.rows_loaded, rows_read = excluded.rows_read
        where f.rows_loaded <> excluded.rows_loaded
        """
    )


def plant_psi(url: str, *rows: dict[str, Any]) -> None:
    plant(url, "nsw_valuer__sales", *rows)


def market(weeks: int = 12) -> list[dict[str, Any]]:
    """Four house sales a week from January 2024, contracted six weeks before."""
    rows = []
    for week in range(weeks):
        monday = date(2024, 1, 8) + timedelta(weeks=week)
        rows += [
            psi(
                str(monday),
                f"A{1000 + 10 * week + number}",
                contract_date=monday - timedelta(days=42 + number),
                settlement_date=monday - timedelta(days=5),
                purchase_price_aud=900_000 + 10_000 * week + 50_000 * number,
                _row_number=number,
            )
            for number in range(1, 5)
        ]
    return rows


def snapshot(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table dbt built."""
    with psycopg.connect(url) as conn:
        return {
            table: conn.execute(f"select * from {table} t order by t::text").fetchall()
            for table in TABLES
        }


def rows_of(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(query).fetchall()
