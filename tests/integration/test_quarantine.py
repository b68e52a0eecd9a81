"""Rejects worked off: fixed rules, corrected files, discarded batches; counts hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest

from database.discarding import discard_batch
from database.quarantine import (
    RejectRow,
    group_rejects,
    list_rejects,
    open_containers,
    show_reject,
)
from database.raw_loading import load_container
from database.raw_reloading import reload_container, supersede_rejects
from domain.errors import UserError
from domain.records import (
    FieldsSeen,
    FileCounts,
    FileReport,
    Original,
    RecordBatch,
    Reject,
    SourceFile,
    TargetTable,
    batch_id_of,
)

SALES = TargetTable(
    "csv",
    "raw.csv__sales",
    ("mapping", "address", "is_sale", "original", "_row_hash", "_row_number"),
)
MEND = "Mend it."


@dataclass(frozen=True)
class Toy:
    """A container of one-word rows; words among `refused` are against the rules."""

    words: tuple[str, ...]
    refused: frozenset[str] = frozenset()
    name: str = "toys.csv"
    refuse_all: bool = False
    location: str | None = "/landing/toys.csv"
    rule: str = "word_bad"
    source: str = "csv"
    breaks: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(" ".join(self.words).encode()).hexdigest()

    @property
    def batch_id(self) -> UUID:
        return batch_id_of(self.source, self.sha256)

    def files(self) -> Iterator[ToyFile]:
        yield ToyFile(self)


@dataclass(frozen=True)
class ToyFile:
    toy: Toy

    @property
    def record_counts(self) -> dict[str, int]:
        return {"words": len(self.toy.words)}

    @property
    def file(self) -> SourceFile:
        toy = self.toy
        return SourceFile(
            toy.source, toy.name, toy.name, toy.sha256, toy.sha256, 9, None, "toys"
        )

    @property
    def refusal(self) -> Reject | None:
        if not self.toy.refuse_all:
            return None
        return self._reject(None, "file_bad", "The file is bad.")

    def _reject(self, number: int | None, rule: str, reason: str) -> Reject:
        text = None if number is None else Original.of(self.toy.words[number - 1])
        return Reject("csv", self.toy.name, number, "word", rule, reason, MEND, text)

    def batches(self) -> Iterator[RecordBatch]:
        rows: list[str] = []
        hashes: list[str] = []
        rejects: list[Reject] = []
        for number, word in enumerate(self.toy.words, start=1):
            if self.toy.refuse_all or word in self.toy.refused:
                rejects.append(
                    self._reject(number, self.toy.rule, f"{word} is {self.toy.rule}.")
                )
                continue
            key = hashlib.md5(word.encode(), usedforsecurity=False).hexdigest()
            rows.append(f"toys;{word};t;{word}!;{key};{number}")
            hashes.append(key)
        yield RecordBatch(rows, hashes, rejects, len(rejects))
        if self.toy.breaks:
            raise ConnectionError("killed")

    def fields_seen(self) -> FieldsSeen | None:
        return None


Conn = psycopg.Connection[tuple[object, ...]]


def load(conn: Conn, toy: Toy) -> FileReport:
    conn.commit()
    (report,) = load_container(conn, toy, SALES, is_simulated=False)
    return report


def reload(conn: Conn, toy: Toy) -> tuple[int, int, int]:
    """(loaded, resolved, open)."""
    report = reload_container(conn, toy, SALES, is_simulated=False)
    assert_reconciled(conn)
    return report.loaded, report.resolved, report.open


def assert_reconciled(conn: Conn) -> None:
    row = conn.execute(
        "select sum(rows_loaded), (select count(*) from raw.csv__sales), "
        "bool_and(rows_read = rows_loaded + rows_repeated + rows_rejected) "
        "from ops.source_files"
    ).fetchone()
    assert row is not None
    assert row[0] == row[1]
    assert row[2]


def ledger(conn: Conn, toy: Toy) -> tuple[str, FileCounts]:
    row = conn.execute(
        "select status, rows_read, rows_loaded, rows_repeated, rows_rejected "
        "from ops.source_files where batch_id = %s",
        [toy.batch_id],
    ).fetchone()
    assert row is not None
    return str(row[0]), FileCounts(*row[1:])  # type: ignore[arg-type]


def rejects(conn: Conn) -> list[tuple[int | None, str, str | None]]:
    rows = list_rejects(conn, open_only=False)
    return sorted(
        ((row.row_number, row.rule_id, row.resolution) for row in rows), key=str
    )


def everything(conn: Conn) -> list[object]:
    return [
        conn.execute(
            f"select to_jsonb(t) - '{clock}' - 'retried_at' from {table} t order by 1"
        ).fetchall()
        for table, clock in (
            ("raw.csv__sales", "_loaded_at"),
            ("raw.rejects", "resolved_at"),
            ("ops.source_files", "loaded_at"),
        )
    ]


def test_records_the_rules_take_now_are_loaded_once(conn: Conn) -> None:
    words = ("ant", "bee", "cow", "bee")
    load(conn, Toy(words, frozenset({"ant", "cow"})))
    fixed = Toy(words, frozenset({"cow"}))
    assert reload(conn, fixed) == (1, 1, 1)
    assert ledger(conn, fixed) == ("loaded", FileCounts(4, 2, 1, 1))
    assert rejects(conn) == [
        (1, "word_bad", "loaded on retry"),
        (3, "word_bad", None),
    ]
    before = everything(conn)
    assert reload(conn, fixed) == (0, 0, 1)
    assert everything(conn) == before


def test_what_is_still_refused_tells_its_newest_reason(conn: Conn) -> None:
    words = ("ant", "bee")
    load(conn, Toy(words, frozenset({"ant"})))
    assert reload(conn, Toy(words, frozenset({"ant"}), rule="word_odd")) == (0, 1, 1)
    assert rejects(conn) == [
        (1, "word_bad", "replaced by a newer reason"),
        (1, "word_odd", None),
    ]
    (waiting,) = list_rejects(conn)
    assert waiting.reason == "ant is word_odd."
    # And back again: the first reason is open once more, the second is the old one.
    reload(conn, Toy(words, frozenset({"ant"})))
    assert [row.rule_id for row in list_rejects(conn)] == ["word_bad"]


def test_a_refused_file_that_is_fine_now_is_loaded(conn: Conn) -> None:
    words = ("ant", "bee")
    report = load(conn, Toy(words, refuse_all=True))
    assert report.status == "refused"
    assert reload(conn, Toy(words)) == (2, 3, 0)
    assert ledger(conn, Toy(words)) == ("loaded", FileCounts(2, 2, 0, 0))
    assert list_rejects(conn) == []


def test_a_retry_never_takes_out_what_is_loaded(conn: Conn) -> None:
    words = ("ant", "bee", "cow")
    load(conn, Toy(words, frozenset({"cow"})))
    stricter = Toy(words, frozenset({"ant"}))
    assert reload(conn, stricter) == (1, 1, 0)
    assert ledger(conn, stricter) == ("loaded", FileCounts(3, 3, 0, 0))
    # A file refused by rules that came after it was loaded is left alone.
    load(conn, Toy(("dog", "eel"), frozenset({"eel"})))
    before = everything(conn)
    assert reload(conn, Toy(("dog", "eel"), refuse_all=True)) == (0, 0, 1)
    assert everything(conn) == before


def test_a_record_that_came_from_elsewhere_is_a_repeat(conn: Conn) -> None:
    load(conn, Toy(("ant", "bee"), frozenset({"ant"})))
    load(conn, Toy(("ant",), name="other.csv"))
    assert reload(conn, Toy(("ant", "bee"))) == (0, 1, 0)
    assert ledger(conn, Toy(("ant", "bee"))) == ("loaded", FileCounts(2, 1, 1, 0))
    assert rejects(conn) == [(1, "word_bad", "no longer refused")]


def test_a_corrected_file_supersedes_the_old_one(conn: Conn) -> None:
    load(conn, Toy(("ant", "bee", "cow"), frozenset({"ant", "cow"})))
    # Line 1 is mended, line 3 is not; another folder's file is none of our business.
    load(conn, Toy(("owl", "bee", "cow"), frozenset({"cow"})))
    load(conn, Toy(("emu", "bee"), location="/elsewhere/toys.csv"))
    assert supersede_rejects(conn) == 1
    assert [row.row_number for row in list_rejects(conn)] == [3, 3]
    assert (1, "word_bad", "superseded by a corrected file") in rejects(conn)
    # The old file's bad line is not loaded beside its correction.
    load(conn, Toy(("owl", "bee", "yak")))
    assert supersede_rejects(conn) == 2
    assert open_containers(conn) == []
    assert_reconciled(conn)


def test_a_discarded_batch_is_in_quarantine_until_it_is_asked_for(conn: Conn) -> None:
    bad = Toy(("ant", "bee"), frozenset({"bee"}))
    good = Toy(("ant", "cow"), name="good.csv")
    load(conn, bad)
    load(conn, good)
    report = discard_batch(conn, bad.batch_id, "The prices are in cents.")
    assert (report.rows, report.to_read_again) == (1, 1)
    assert_reconciled(conn)
    assert ledger(conn, bad) == ("refused", FileCounts(2, 0, 0, 2))
    found = {row.rule_id: row for row in list_rejects(conn)}
    assert found["batch_discarded"].original == "ant!"
    assert "in cents" in found["batch_discarded"].reason
    with pytest.raises(UserError, match="discarded before"):
        discard_batch(conn, bad.batch_id, "Again.")
    assert load(conn, bad).status == "refused"

    # The other file's own row comes to light when it is read again.
    assert [item.name for item in open_containers(conn)] == ["good.csv"]
    assert reload(conn, good) == (1, 0, 0)
    assert open_containers(conn) == []

    (asked,) = open_containers(conn, batch_id=bad.batch_id)
    assert asked.open_rejects == 2
    reload(conn, bad)
    assert ledger(conn, bad) == ("loaded", FileCounts(2, 0, 1, 1))


def test_a_discarded_row_without_original_keeps_its_columns(conn: Conn) -> None:
    conn.execute(
        "insert into raw.nsw_valuer__sales (district_code, sale_counter, "
        "downloaded_at, record_format, _row_hash, _source_file, _row_number, "
        "_batch_id, _is_simulated) select '001', '7', now(), 'current', md5('x')::uuid,"
        " 'a.dat', 4, %s, false",
        [Toy(()).batch_id],
    )
    conn.execute(
        "insert into ops.source_files (file_id, source, source_file, container_file, "
        "container_sha256, sha256, size_bytes, batch_id, status, rows_read, "
        "rows_loaded, rows_repeated, rows_rejected, is_simulated, table_name) values "
        "(gen_random_uuid(), 'nsw_valuer', 'a.dat', 'a.zip', 'x', 'x', 1, %s, "
        "'loaded', 1, 1, 0, 0, false, 'raw.nsw_valuer__sales')",
        [Toy(()).batch_id],
    )
    discard_batch(conn, Toy(()).batch_id, "Wrong week.")
    (row,) = list_rejects(conn)
    assert row.row_number == 4
    assert row.original is not None
    assert '"sale_counter": "7"' in row.original
    assert "valuer_property_id" not in row.original


def test_the_current_release_of_a_reference_set_is_not_discarded(conn: Conn) -> None:
    toy = Toy(("ant",))
    load(conn, toy)
    conn.execute(
        "insert into ops.reference_releases (release_id, dataset, part, release_date, "
        "dated_by, sha256, file, files, rows, rejects, status, batch_id, is_simulated, "
        "made_current_at) values (gen_random_uuid(), 'localities', '', current_date, "
        "'name', 'x', 'x', 1, 1, 0, 'current', %s, false, now())",
        [toy.batch_id],
    )
    with pytest.raises(UserError, match="current release of localities"):
        discard_batch(conn, toy.batch_id, "Odd.")
    assert ledger(conn, toy)[0] == "loaded"


def test_models_are_told_of_batches_that_changed(conn: Conn) -> None:
    conn.execute("select ops.register_model('step', array['raw.csv__sales'])")
    toy = Toy(("ant", "bee"), frozenset({"ant"}))

    def told() -> list[tuple[str, str]]:
        conn.commit()
        return conn.execute(
            "delete from ops.model_changes returning model, key"
        ).fetchall()

    load(conn, toy)
    assert told() == [("step", str(toy.batch_id))]
    reload(conn, toy)
    assert told() == []
    reload(conn, Toy(toy.words))
    assert told() == [("step", str(toy.batch_id))]
    discard_batch(conn, toy.batch_id, "Odd.")
    assert told() == [("step", str(toy.batch_id))]


def test_rejects_are_listed_and_shown_by_the_start_of_their_id(conn: Conn) -> None:
    load(conn, Toy(("ant", "bee"), frozenset({"ant", "bee"})))
    load(conn, Toy(("cow",), frozenset({"cow"}), name="other.csv", rule="word_odd"))
    assert len(list_rejects(conn, source="csv")) == 3
    assert len(list_rejects(conn, source="domain")) == 0
    assert len(list_rejects(conn, rule="word_odd")) == 1
    assert len(list_rejects(conn, file="toys")) == 2
    assert len(list_rejects(conn, limit=1)) == 1
    groups = group_rejects(conn)
    assert [(g.source_file, g.rejects) for g in groups] == [
        ("toys.csv", 2),
        ("other.csv", 1),
    ]
    row: RejectRow = list_rejects(conn, rule="word_odd")[0]
    detail = show_reject(conn, str(row.reject_id)[:9])
    assert detail.reject == row
    assert (detail.location, detail.read_with) == ("/landing/toys.csv", "toys")
    assert detail.table_name == "raw.csv__sales"
    with pytest.raises(UserError, match="at least its first four"):
        show_reject(conn, "x")
    with pytest.raises(UserError, match="No reject"):
        show_reject(conn, "0000-")


def test_a_retry_that_dies_leaves_everything_as_it_was(conn: Conn) -> None:
    words = ("ant", "bee")
    load(conn, Toy(words, frozenset({"ant"})))
    before = everything(conn)
    with pytest.raises(ConnectionError):
        reload(conn, Toy(words, breaks=True))
    assert everything(conn) == before
    assert reload(conn, Toy(words)) == (1, 1, 0)


def test_a_container_never_loaded_cannot_be_retried(conn: Conn) -> None:
    with pytest.raises(ValueError, match="never loaded"):
        reload_container(conn, Toy(("ant",)), SALES, is_simulated=False)
    with pytest.raises(UserError, match="There is no batch"):
        discard_batch(conn, Toy(("ant",)).batch_id, "Bad.")
