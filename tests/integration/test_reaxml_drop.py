"""The REAXML drop folder: nothing lost, nothing loaded twice, whatever happens."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assets.landing.reaxml import DropSummary, ingest_reaxml
from assets.landing.retry import retry_rejects
from connectors.reaxml.drop import DropFolder
from domain.errors import PermanentError
from tests.reaxml_samples import FULL, drop, feed, record, zip_file


def land(conn: psycopg.Connection, folder: Path, **more: Any) -> DropSummary:
    return ingest_reaxml(conn, folder, is_simulated=False, **more)


def tree(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }


def report(folder: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / f"{name}.report.json").read_text())
    return content


def one(conn: psycopg.Connection, query: str) -> Any:
    row = conn.execute(query).fetchone()
    assert row is not None
    return row[0]


def tables(conn: psycopg.Connection) -> list[Any]:
    """What a load writes, without times, places and paths."""
    found = [
        conn.execute(query).fetchall()
        for query in (
            "select to_jsonb(t) - '_loaded_at' from raw.reaxml__listings t order by 1",
            "select to_jsonb(t) - '_rejected_at' from raw.rejects t order by 1",
            "select to_jsonb(t) - 'loaded_at' from ops.source_files t order by 1",
        )
    ]
    conn.commit()
    return found


BAD = record(unique="")


def test_files_move_to_done_or_failed_with_a_report_beside(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    drop(tmp_path, "a.xml", feed(record(FULL), BAD))
    drop(tmp_path, "AGENCY/broken.XML", feed(record(FULL, unique="U9"))[:-20])
    members = {"one.xml": feed(record(unique="U2")), "m.jpg": b"\xff\xd8"}
    drop(tmp_path, "b.zip", zip_file(tmp_path / "z", members))
    mixed = {"one.xml": feed(record(unique="U3")), "two.xml": "<propertyList>"}
    drop(tmp_path, "mixed.zip", zip_file(tmp_path / "z", mixed))
    drop(tmp_path, "readme.txt", "not ours")
    drop(tmp_path, ".hidden.xml", "still written")

    summary = land(conn, tmp_path)

    assert (summary.read, summary.loaded, summary.rejected) == (5, 3, 2)
    assert tree(tmp_path) == {
        "readme.txt",
        ".hidden.xml",
        "done/a.xml",
        "done/a.xml.report.json",
        "done/b.zip",
        "done/b.zip.report.json",
        "failed/AGENCY/broken.XML",
        "failed/AGENCY/broken.XML.report.json",
        "failed/mixed.zip",
        "failed/mixed.zip.report.json",
    }
    told = report(tmp_path, "done/a.xml")
    assert told["status"] == "loaded"
    assert told["files"] == [
        {
            "file": "a.xml",
            "refused": None,
            "counts": {"read": 2, "loaded": 1, "repeated": 0, "rejected": 1},
            "records": {"residential": 2, "residential.current": 1},
        }
    ]
    assert [reject["rule"] for reject in told["rejects"]] == ["unique_id_missing"]
    told = report(tmp_path, "failed/AGENCY/broken.XML")
    assert told["status"] == "refused"
    assert told["files"][0]["refused"].startswith("The XML cannot be read at line ")
    assert told["files"][0]["counts"]["rejected"] == 1
    assert report(tmp_path, "failed/mixed.zip")["status"] == "partly refused"
    places = conn.execute(
        "select distinct container_file, location from ops.source_files order by 1"
    ).fetchall()
    assert all(Path(place).is_file() for _, place in places)
    assert (
        one(conn, "select status from ops.source_runs where source = 'reaxml'") == "ok"
    )


def test_a_second_run_finds_nothing_and_changes_nothing(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    drop(tmp_path, "a.xml", feed(record(FULL), BAD))
    land(conn, tmp_path)
    before = tables(conn), tree(tmp_path)
    again = land(conn, tmp_path)
    assert (again.read, again.moved) == (0, ())
    assert (tables(conn), tree(tmp_path)) == before


def test_the_same_bytes_are_loaded_once_and_the_same_name_never_overwritten(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    text = feed(record(FULL), BAD)
    drop(tmp_path, "a.xml", text)
    land(conn, tmp_path)
    before = tables(conn)
    drop(tmp_path, "copy.xml", text)
    drop(tmp_path, "a.xml", text)
    summary = land(conn, tmp_path)
    assert tables(conn) == before
    assert {moved.status for moved in summary.moved} == {"already loaded"}
    told = report(tmp_path, "done/copy.xml")
    assert (told["status"], told["loaded_as"]) == ("already loaded", "a.xml")
    assert told["files"][0]["counts"]["loaded"] == 0

    drop(tmp_path, "a.xml", feed(record("<price>1</price>", unique="U2")))
    land(conn, tmp_path)
    kept = sorted(path.name for path in (tmp_path / "done").glob("a*.xml"))
    assert len(kept) == 3
    assert len({(tmp_path / "done" / name).read_text() for name in kept}) == 2
    assert (tmp_path / "done" / "a.xml").read_text() == text
    newest = one(
        conn, "select _source_file from raw.reaxml__listings where unique_id = 'U2'"
    )
    assert "<price>1</price>" in (tmp_path / "done" / newest).read_text()


def test_a_mended_file_works_off_the_refused_one_and_a_later_feed_does_not(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    text = feed(record(FULL))
    drop(tmp_path, "broken.xml", text[:-20])
    drop(tmp_path, "daily.xml", feed(record(FULL, unique="U2"), BAD))
    land(conn, tmp_path)
    drop(tmp_path, "broken.xml", text)
    drop(tmp_path, "daily.xml", feed(record(FULL, unique="U3")))
    land(conn, tmp_path)
    retry_rejects(conn, source="reaxml")
    assert conn.execute(
        "select source_file, rule_id, resolved_at is null from raw.rejects order by 1"
    ).fetchall() == [
        ("broken.xml", "file_xml_broken", False),
        ("broken.xml", "file_xml_broken", False),
        ("daily.xml", "unique_id_missing", True),
    ]
    assert one(conn, "select count(*) from raw.reaxml__listings") == 3


def test_a_file_still_being_written_waits(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    young = drop(tmp_path, "young.xml", feed(record(FULL)), age=1)
    summary = land(conn, tmp_path, settle_seconds=60)
    assert (summary.waiting, summary.moved) == (("young.xml",), ())
    # The clock of another machine: a file from next week is as whole as any.
    future = time.time() + 7 * 86_400
    os.utime(young, (future, future))
    assert len(land(conn, tmp_path, settle_seconds=60).moved) == 1


def test_a_file_that_grows_while_it_is_read_stays_and_is_read_whole_later(
    conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = feed(record(FULL), record(unique="U2"))
    path = drop(tmp_path, "a.xml", whole[:900])
    look = DropFolder.is_unchanged

    def grow(self: DropFolder, file: Any) -> bool:
        if path.stat().st_size == 900:
            path.write_text(whole)
        return look(self, file)

    monkeypatch.setattr(DropFolder, "is_unchanged", grow)
    assert land(conn, tmp_path, settle_seconds=0).waiting == ("a.xml",)
    monkeypatch.undo()
    summary = land(conn, tmp_path, settle_seconds=0)
    assert (summary.loaded, summary.rejected) == (2, 0)
    assert one(conn, "select count(*) from raw.rejects") == 0


def test_a_file_that_grows_after_it_was_loaded_is_not_moved(
    conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(tmp_path, "a.xml", feed(record(FULL)))
    answers = iter([True, False])
    monkeypatch.setattr(DropFolder, "is_unchanged", lambda *_: next(answers))
    assert land(conn, tmp_path).waiting == ("a.xml",)
    assert path.exists()
    monkeypatch.undo()
    assert [moved.status for moved in land(conn, tmp_path).moved] == ["loaded"]
    assert one(conn, "select count(*) from raw.reaxml__listings") == 1


@pytest.mark.parametrize("where", ["missing", "file"])
def test_a_folder_that_is_none_is_told_clearly(
    conn: psycopg.Connection, tmp_path: Path, where: str
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        PermanentError, match=r"drop folder .*(Make it|is not a folder)"
    ):
        land(conn, tmp_path / where)


def in_child(work: Callable[[], None]) -> int | None:
    """Run in a process of its own; its exit code (negative: the signal)."""
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(60)
    return child.exitcode


def test_a_folder_that_cannot_be_written_to_is_told_clearly(
    database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    drop(folder, "a.xml", feed(record(FULL)))
    for parent in (*tmp_path.parents[:3], tmp_path, folder):
        parent.chmod(0o755)

    def work() -> None:
        with psycopg.connect(database_url) as conn:
            if os.geteuid() == 0:
                os.seteuid(65534)
            else:
                folder.chmod(0o555)
            try:
                land(conn, folder)
            except PermanentError as error:
                os._exit(42 if "let the platform write" in str(error) else 1)

    assert in_child(work) == 42
    folder.chmod(0o755)
    assert (folder / "a.xml").exists()


@pytest.mark.parametrize(
    "last_step", ["_load", "_ledger", "_report", "_remember", "finish", "rename"]
)
@pytest.mark.parametrize("broken", [False, True])
def test_killed_anywhere_and_run_again_is_as_if_never_killed(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    last_step: str,
    broken: bool,
) -> None:
    from assets.landing import reaxml

    folder = tmp_path / "in"
    text = feed(record(FULL), BAD, record(unique="U2"))
    drop(folder, "a.xml", text[:-20] if broken else text)
    owner: Any = reaxml._Taking
    if last_step == "finish":
        owner = DropFolder
    if last_step == "rename":
        owner = Path
    step = getattr(owner, last_step)

    def die(self: Any, *rest: Any) -> Any:
        if last_step == "rename" and self.name != "a.xml":
            return step(self, *rest)
        if last_step == "_ledger":
            # The first look is before the load.
            found = step(self, *rest)
            if not found:
                return found
        elif last_step in ("_load", "_report", "_remember"):
            step(self, *rest)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    def work() -> None:
        monkeypatch.setattr(owner, last_step, die)
        with psycopg.connect(database_url) as conn:
            land(conn, folder)

    assert in_child(work) == -signal.SIGKILL
    assert (folder / "a.xml").exists()
    place = "failed" if broken else "done"
    with psycopg.connect(database_url) as conn:
        before = tables(conn)[:2]
        assert len(before[0]) == (0 if broken else 2)
        assert len(before[1]) == (4 if broken else 1)
        summary = land(conn, folder)
        assert tables(conn)[:2] == before
        assert [moved.place for moved in summary.moved] == [folder / place / "a.xml"]
        told = report(folder, f"{place}/a.xml")
        assert told["status"] == ("refused" if broken else "loaded")
        assert told["files"][0]["counts"]["loaded"] == (0 if broken else 2)
        assert one(conn, "select location from ops.source_files") == str(
            folder / place / "a.xml"
        )
    assert tree(folder) == {f"{place}/a.xml", f"{place}/a.xml.report.json"}


def test_two_processes_on_one_folder_share_the_work(
    database_url: str, tmp_path: Path
) -> None:
    for number in range(40):
        drop(tmp_path, f"{number:02}.xml", feed(record(FULL, unique=f"U{number}"), BAD))

    def work() -> None:
        with psycopg.connect(database_url) as conn:
            land(conn, tmp_path)

    children = [
        multiprocessing.get_context("fork").Process(target=work) for _ in range(3)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    with psycopg.connect(database_url) as conn:
        assert one(conn, "select count(*) from raw.reaxml__listings") == 40
        assert one(conn, "select count(*) from raw.rejects") == 40
        assert one(conn, "select sum(rows_repeated) from ops.source_files") == 0
    assert len(tree(tmp_path)) == 80
    assert all(
        report(tmp_path, f"done/{n:02}.xml")["status"] == "loaded" for n in range(40)
    )


def test_files_stay_while_the_database_is_away(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    drop(tmp_path, "a.xml", feed(record(FULL)))
    conn.execute("alter table raw.reaxml__listings rename to away")
    conn.commit()
    with pytest.raises(psycopg.Error):
        land(conn, tmp_path)
    assert tree(tmp_path) == {"a.xml"}
    conn.execute("alter table raw.away rename to reaxml__listings")
    conn.commit()
    assert land(conn, tmp_path).loaded == 1


def test_names_of_any_kind_are_moved(conn: psycopg.Connection, tmp_path: Path) -> None:
    long = "x" * 240 + ".xml"
    odd = os.fsdecode(b"caf\xe9 & \xff.xml")
    for number, name in enumerate((long, odd, "a b;c\\d.xml", "new\nline.xml")):
        drop(tmp_path, name, feed(record(unique=f"U{number}")))
    (tmp_path / "link.xml").symlink_to(tmp_path / odd)
    (tmp_path / "folder.xml").mkdir()
    assert len(land(conn, tmp_path).moved) == 4
    assert one(conn, "select count(*) from raw.reaxml__listings") == 4
    assert len(list((tmp_path / "done").glob("*.xml"))) == 4
    assert (tmp_path / "link.xml").is_symlink()


@pytest.mark.parametrize("also_beside", [False, True])
def test_a_file_sent_again_at_the_very_moment_it_moves_is_read_as_well(
    conn: psycopg.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    also_beside: bool,
) -> None:
    """Cut short at first, then whole under the same name, between report and move."""
    whole = feed(record(FULL), record(unique="U2"))
    drop(tmp_path, "a.xml", whole[:-30])
    rename = Path.rename

    def renamed(path: Path, target: Path) -> Path:
        if path == tmp_path / "a.xml":
            monkeypatch.setattr(Path, "rename", rename)
            drop(tmp_path, "a.xml", whole)
            moved = rename(path, target)
            if also_beside:
                drop(tmp_path, "a.xml", feed(record(unique="U3")))
            return moved
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", renamed)
    first = land(conn, tmp_path)
    assert first.waiting == ("a.xml",)
    assert one(conn, "select count(*) from raw.reaxml__listings") == 0
    second = land(conn, tmp_path)
    assert {moved.status for moved in second.moved} == {"loaded"}
    found = one(conn, "select count(*) from raw.reaxml__listings")
    assert found == (3 if also_beside else 2)
    names = {"a.xml", "1~a.xml"} if also_beside else {"a.xml"}
    kept = {f"done/{name}" for name in names}
    assert tree(tmp_path) == kept | {f"{name}.report.json" for name in kept}
