"""Reading every distinct price in words once.

Belongs here: which texts are new under the current rules, and writing what they say.
The rules are `domain.price_text`. No Dagster here.
"""

from __future__ import annotations

import psycopg

from database.raw_loading import end_transaction
from domain.price_text import RULE_VERSION, read_price_text

_PAGE = 20_000
_TABLES = (
    "raw.domain__listings",
    "raw.domain__listing_details",
    "raw.reaxml__listings",
)
_COLUMNS = "text_hash, price_text, low_aud, high_aud, kind, confidence, rule_version"
# Texts of batches no reading has seen yet; those batches are remembered as read. Under
# other rules every text is read anew.
_TEXTS = """
select distinct md5(said.price_text)::uuid, said.price_text
from (
    select price_text from raw.domain__listings
    where _batch_id = any(%(batches)s) and price_text is not null
    union all
    select price_text from raw.domain__listing_details
    where _batch_id = any(%(batches)s) and price_text is not null
    union all
    select patch ->> 'priceView' from raw.reaxml__listings
    where _batch_id = any(%(batches)s) and patch ->> 'priceView' is not null
) as said
where not exists (
    select from intermediate.int_price_text__parsed as known
    where known.text_hash = md5(said.price_text)::uuid
        and known.rule_version = %(rules)s
)
"""


def read_price_texts(conn: psycopg.Connection) -> int:
    """Read the price texts of listings not yet known under the current rules.

    Returns the number of texts read. One transaction: either all of them are written or
    none. Two runs at once take turns.

    Raises:
        psycopg.Error: the database failed; nothing was changed.
    """
    end_transaction(conn)
    with conn.transaction():
        conn.execute(
            "select pg_advisory_xact_lock(hashtext('ausproperty.price_texts'))"
        )
        batches = _unread_batches(conn)
        if not batches:
            return 0
        conn.execute(
            "create temporary table new_price_texts "
            "(like intermediate.int_price_text__parsed including defaults) "
            "on commit drop"
        )
        count = _copy_new(conn, batches)
        if count:
            conn.execute(
                f"insert into intermediate.int_price_text__parsed ({_COLUMNS}) "  # noqa: S608
                f"select {_COLUMNS} from new_price_texts "
                "on conflict (text_hash) do update set low_aud = excluded.low_aud, "
                "high_aud = excluded.high_aud, kind = excluded.kind, "
                "confidence = excluded.confidence, "
                "rule_version = excluded.rule_version, parsed_at = now()"
            )
            conn.execute("analyze intermediate.int_price_text__parsed")
        conn.execute(
            "insert into ops.price_text_batches (batch_id, rule_version, rows_loaded) "
            "select batch_id, %s, sum(rows_loaded) from ops.source_files "
            "where batch_id = any(%s) group by 1 "
            "on conflict (batch_id) do update set "
            "rule_version = excluded.rule_version, rows_loaded = excluded.rows_loaded",
            [RULE_VERSION, batches],
        )
    return count


def _unread_batches(conn: psycopg.Connection) -> list[str]:
    """Batches that no reading under these rules has seen with the rows they have."""
    rows = conn.execute(
        "select files.batch_id::text from ops.source_files as files "
        "left join ops.price_text_batches as done on done.batch_id = files.batch_id "
        "and done.rule_version = %s where files.table_name = any(%s) "
        "group by files.batch_id, done.rows_loaded "
        "having sum(files.rows_loaded) > coalesce(done.rows_loaded, 0)",
        [RULE_VERSION, list(_TABLES)],
    ).fetchall()
    return [row[0] for row in rows]


def _copy_new(conn: psycopg.Connection, batches: list[str]) -> int:
    count = 0
    with conn.cursor(name="new_price_texts") as reader:
        reader.itersize = _PAGE
        reader.execute(_TEXTS, {"batches": batches, "rules": RULE_VERSION})
        while page := reader.fetchmany(_PAGE):
            count += len(page)
            with (
                conn.cursor() as writer,
                writer.copy(f"copy new_price_texts ({_COLUMNS}) from stdin") as copy,
            ):
                for text_hash, text in page:
                    found = read_price_text(text)
                    copy.write_row(
                        (
                            *(text_hash, text, found.low, found.high, found.kind),
                            *(found.confidence, RULE_VERSION),
                        )
                    )
    return count
