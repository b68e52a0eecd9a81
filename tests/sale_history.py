"""A made-up history of a small market: what befalls a real one, by a seed.

Late, repeated, corrected and discarded batches, addresses that are understood anew,
merges and their undoing, verdicts of people, prices of listings. Increments live on it.
"""

from __future__ import annotations

import random
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from database.discarding import discard_batch
from tests.dbt_samples import NAMESPACE, csv, plant, psi, rows_of

START = datetime(2025, 1, 1, tzinfo=UTC)


class History:
    """What happens to a market, one step at a time."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.luck = random.Random(seed)
        self.week = 0
        self.dealings: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.discarded: list[uuid.UUID] = []

    def step(self) -> str:
        """Let one thing happen; its name."""
        chosen = self.luck.choice(
            [
                self.new_week,
                self.new_week,
                self.late_week,
                self.repeated_week,
                self.csv_file,
                self.discard,
                self.bring_back,
                self.understand_anew,
                self.merge,
                self.undo_merge,
                self.judge,
                self.withdraw,
                self.listing,
            ]
        )
        chosen()
        return chosen.__name__

    def new_week(self) -> None:
        """A weekly file: new sales, corrections, further parcels of known dealings."""
        self.week += 1
        self._land(date(2024, 1, 1) + timedelta(weeks=self.week))

    def late_week(self) -> None:
        """A file of long ago, with older versions of what is known."""
        day = date(2023, 1, 2) + timedelta(weeks=self.luck.randrange(40))
        self._land(day, name=f"late-{self.luck.randrange(10**9)}")

    def _land(self, monday: date, name: str = "") -> None:
        rows = []
        batch = uuid.uuid5(NAMESPACE, f"{monday}{name}")
        for line in range(self.luck.randint(2, 6)):
            known = self.dealings and self.luck.random() < 0.5
            dealing = (
                self.luck.choice(self.dealings)
                if known
                else f"A{len(self.dealings) + 1000}"
            )
            if not known:
                self.dealings.append(dealing)
            number = dealing.removeprefix("A")
            more: dict[str, Any] = {"area": self.luck.choice([500, 510, 620])}
            if known and self.luck.random() < 0.3:
                more["valuer_property_id"] = f"{number}9"
                more["house_number"] = f"{number}9"
            if self.luck.random() < 0.2:
                more["strata_lot_number"] = "7"
                more["area"] = 90
            if self.luck.random() < 0.15:
                more["interest_percent"] = 50
            rows.append(
                psi(
                    str(monday),
                    dealing,
                    contract_date=monday - timedelta(days=self.luck.randint(20, 90)),
                    purchase_price_aud=self.luck.choice([1, 700_000, 900_000, None]),
                    zone_code=self.luck.choice(["R2", "R3"]),
                    _row_number=line,
                    _batch_id=batch,
                    _source_file=f"{monday}{name}.zip/260.DAT",
                    _loaded_at=START + timedelta(days=self.week),
                    **more,
                )
            )
        self.told += rows
        plant(self.url, "nsw_valuer__sales", *rows)

    def repeated_week(self) -> None:
        """The publisher's file once more under another name: nothing is new in it."""
        self._execute(
            """
            insert into ops.source_files (
                file_id, source, source_file, container_file, container_sha256, sha256,
                size_bytes, batch_id, status, rows_read, rows_loaded, rows_repeated,
                rows_rejected, is_simulated, table_name
            ) values (
                %(id)s, 'nsw_valuer', 'again', 'again', '', '', 0, %(id)s, 'loaded',
                3, 0, 3, 0, false, 'raw.nsw_valuer__sales'
            )
            """,
            id=uuid.UUID(int=self.luck.getrandbits(128)),
        )

    def csv_file(self) -> None:
        """Auction results, some of which another file told in other words."""
        file = f"file-{self.luck.randrange(10**9)}.csv"
        lines = [
            csv(
                file,
                line,
                f"{self.luck.randint(1, 6)} Studley St",
                sale_date=f"2017-05-{self.luck.randint(1, 3):02}",
                price_aud=self.luck.choice([None, 1_200_000, 1_300_000]),
                bedrooms=self.luck.choice([None, 2, 3]),
                is_sale=self.luck.random() < 0.8,
                _loaded_at=START + timedelta(days=self.week),
            )
            for line in range(self.luck.randint(1, 4))
        ]
        plant(self.url, "csv__sales", *lines)

    def discard(self) -> None:
        """A bad batch is taken out, by the platform's own means."""
        batches = rows_of(
            self.url,
            "select distinct batch_id from ops.source_files where rows_loaded > 0"
            " and discarded_at is null and source = 'nsw_valuer' order by 1",
        )
        if batches:
            batch = self.luck.choice(batches)[0]
            with psycopg.connect(self.url) as conn:
                discard_batch(conn, batch, "bad")
            self.discarded.append(batch)

    def bring_back(self) -> None:
        """A discarded batch is read again, without its first record."""
        if not self.discarded:
            return
        batch = self.discarded.pop()
        rows = [row for row in self.told if row["_batch_id"] == batch][1:]
        self._execute(
            "update ops.source_files set status = 'loaded', discarded_at = null,"
            " retried_at = clock_timestamp(), rows_rejected = 0, rows_read = 0"
            " where batch_id = %(id)s",
            id=batch,
        )
        plant(self.url, "nsw_valuer__sales", *rows)

    def understand_anew(self) -> None:
        """Better rules find another home in an address, or no home at all."""
        found = self._any("intermediate.int_address__identity", "address_hash")
        kind = self.luck.choice(["address", "parcel", "non_identifying"])
        home = uuid.uuid5(NAMESPACE, f"home {self.luck.randrange(8)}")
        self._execute(
            "update intermediate.int_address__identity set key_kind = %(kind)s,"
            " property_id = %(home)s, address = address || '!', level_number = '2'"
            " where address_hash = %(found)s",
            kind=kind,
            home=home,
            found=found,
        )

    def merge(self) -> None:
        """Two homes are found to be one."""
        column = "property_id"
        table = "intermediate.int_address__identity"
        lost, kept = self._any(table, column), self._any(table, column)
        taken = rows_of(
            self.url, "select to_property_id from intermediate.int_property__redirects"
        )
        if lost is None or lost == kept or (lost,) in taken:
            return
        self._execute(
            """
            insert into intermediate.int_property__redirects
                (from_property_id, to_property_id, reason, score, rule_version)
            select %(lost)s, %(kept)s, 'linked', 0.99, 1
            where not exists (
                select from intermediate.int_property__redirects
                where from_property_id = %(kept)s
            )
            on conflict (from_property_id) do update
            set to_property_id = excluded.to_property_id, changed_at = now()
            """,
            lost=lost,
            kept=kept,
        )

    def undo_merge(self) -> None:
        """A person says they are two."""
        lost = self._any("intermediate.int_property__redirects", "from_property_id")
        self._execute(
            "update intermediate.int_property__redirects"
            " set to_property_id = from_property_id, changed_at = now()"
            " where from_property_id = %(lost)s",
            lost=lost,
        )

    def judge(self) -> None:
        """An analyst knows better than the rules."""
        sale = self._any("marts.sales", "sale_id")
        if sale is not None:
            verdict = self.luck.choice(["market", "excluded"])
            self._execute(
                "insert into ops.sale_overrides (sale_id, verdict, reason, actor)"
                " values (%(sale)s, %(verdict)s, 'seen', 'ann')",
                sale=sale,
                verdict=verdict,
            )

    def withdraw(self) -> None:
        """And then not."""
        sale = self._any("ops.sale_overrides", "sale_id")
        if sale is not None:
            self._execute(
                "insert into ops.sale_overrides (sale_id, reason, actor, withdrawn)"
                " values (%(sale)s, 'mistaken', 'ann', true)",
                sale=sale,
            )

    def listing(self) -> None:
        """The branch of listings tells a price and what a home is like."""
        address = self._any("intermediate.int_address__identity", "address_hash")
        key = f"listing {self.luck.randrange(5)}"
        self._execute(
            f"""
            delete from intermediate.int_listing__attributes
            where record_key = %(key)s;
            delete from intermediate.int_listing__price_events
            where record_key = %(key)s;
            insert into intermediate.int_listing__attributes
                (record_key, property_id, address_hash, source, source_record_id,
                 observed_on, bedrooms, source_file, source_row_number, is_simulated)
            select %(key)s, property_id, address_hash, source, %(key)s, '2024-02-02',
                {self.luck.randint(1, 5)}, 'l', 1, false
            from intermediate.int_address__identity where address_hash = %(address)s;
            insert into intermediate.int_listing__price_events
                (record_key, price_event_id, property_id, event_date, event_kind,
                 price_kind, price_low_aud, confidence, said_by, source,
                 source_record_id, known_at, source_file, source_row_number,
                 created_at, is_simulated)
            select record_key, md5(record_key)::uuid, property_id, observed_on,
                'asking', 'from', 800000, 0.9, 'x', source, %(key)s, '2024-02-02', 'l',
                1, '2024-02-02', false
            from intermediate.int_listing__attributes where record_key = %(key)s;
            """,
            key=key,
            address=address,
            notes=True,
        )

    def _any(self, table: str, column: str) -> Any:
        if not rows_of(self.url, f"select to_regclass('{table}')")[0][0]:
            return None
        found = rows_of(self.url, f"select distinct {column} from {table} order by 1")
        return self.luck.choice(found)[0] if found else None

    def _execute(self, statement: str, notes: bool = False, **values: Any) -> None:
        with psycopg.connect(self.url) as conn:
            cursor = psycopg.ClientCursor(conn)
            if notes:
                before = _told_of_listings(conn)
            cursor.execute(statement, values)
            if notes:
                _tell(conn, before, _told_of_listings(conn))


def _told_of_listings(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return conn.execute(
        """
        select 'int_listing__price_events', price_event_id::text
        from intermediate.int_listing__price_events
        union select 'int_listing__attributes.property', property_id::text
        from intermediate.int_listing__attributes
        union select 'int_listing__attributes.address', address_hash::text
        from intermediate.int_listing__attributes
        """
    ).fetchall()


def _tell(conn: psycopg.Connection[Any], *states: list[tuple[Any, ...]]) -> None:
    """As the models of listings tell their readers: old keys and new ones."""
    for channel, key in sorted({row for state in states for row in state}):
        conn.execute("select ops.tell_models(%s, %s)", [channel, [key]])
