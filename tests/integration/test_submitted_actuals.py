"""Prices that consumers say were paid: kept once, limited, and never steering."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

import cli
from assets.landing.submitted_actuals import Submitted, submit_actuals
from domain.errors import UserError
from ml.actuals import list_actuals
from ml.feedback import broken_promises, experience_of, refresh_feedback
from tests.feedback_samples import plant_prediction, plant_sales, told

Conn = psycopg.Connection[Any]
NOW = datetime(2024, 9, 1, 3, tzinfo=UTC)
Line = tuple[Any, ...]


@pytest.fixture
def homes(conn: Conn) -> list[Any]:
    """Sixty homes with a standing estimate, of which the first ten were sold later."""
    plant_sales(conn, 60)
    ids = [
        row[0]
        for row in conn.execute(
            "select property_id from intermediate.int_sale__validated "
            "order by source_row_number"
        )
    ]
    conn.execute(
        "delete from intermediate.int_sale__validated where source_row_number > 10"
    )
    for home in ids:
        prediction = plant_prediction(conn, home, "2024-02-05", 1_000_000)
        conn.execute(
            "insert into ml.current_predictions "
            "select property_id, prediction_id, prediction_id, estimate_aud, method "
            "from ml.price_predictions where (property_id, prediction_id) = (%s, %s)",
            [home, prediction],
        )
    conn.commit()
    return ids


@pytest.fixture
def send(conn: Conn, tmp_path: Path) -> Callable[..., Submitted]:
    def submit(
        lines: Sequence[Line], source: str = "smith", days: int = 0
    ) -> Submitted:
        path = tmp_path / "a.csv"
        text = ["property_id,price,contract_date,reference"]
        text += [",".join(map(str, line)) for line in lines]
        path.write_text("\n".join(text) + "\n")
        now = NOW + timedelta(days=days)
        return submit_actuals(conn, path, source, now=now, is_simulated=False)

    return submit


def counts(done: Submitted) -> tuple[int, ...]:
    """Accepted, held, repeated, rejected, deferred."""
    found = (done.accepted, done.held, done.repeated, done.rejected, done.deferred)
    assert done.read == sum(found)
    return found


def rejects(conn: Conn) -> list[tuple[Any, ...]]:
    rows = conn.execute(
        "select source, source_file, row_number, field, rule_id, resolution"
        " from raw.rejects order by _rejected_at, row_number"
    ).fetchall()
    conn.commit()
    return rows


def test_rows_are_kept_once_corrected_and_refused_with_reasons(
    conn: Conn, homes: list[Any], send: Callable[..., Submitted]
) -> None:
    lines = [
        (homes[20], 1_100_000, "2024-03-10", "D1"),
        # Four times what the home is taken to be worth.
        (homes[21], 4_000_000, "2024-03-10", "D2"),
        (homes[22], "a lot", "2024-03-10", "D3"),
        ("00000000-0000-0000-0000-000000000001", 900_000, "2024-03-10", "D4"),
    ]
    first = send(lines)
    assert counts(first) == (1, 1, 0, 2, 0)
    assert first.notes[0] == (
        "a.csv, line 3, price: held for review, 4,000,000 AUD is 4.00 times the "
        "standing estimate of 1,000,000 AUD (limit 3)"
    )
    assert first.notes[1].startswith("a.csv, line 4, price: 'a lot' is no price.")
    assert "No property is known" in first.notes[2]
    assert rejects(conn) == [
        ("actuals:smith", "a.csv", 4, "price", "actual_price", None),
        ("actuals:smith", "a.csv", 5, "property_id", "actual_property_unknown", None),
    ]
    before = conn.execute("select ctid, * from ml.submitted_actuals").fetchall()
    assert counts(send(lines)) == (0, 0, 2, 2, 0)
    assert conn.execute("select ctid, * from ml.submitted_actuals").fetchall() == before
    assert len(rejects(conn)) == 2

    # The corrected file: one price is another, the slip of the hand is mended.
    mended = [(homes[20], 1_150_000, "2024-03-10", "D1"), *lines[1:2]]
    mended += [(homes[22], 950_000, "2024-03-10", "D3")]
    assert counts(send(mended)) == (2, 0, 1, 0, 0)
    assert {row[5] for row in rejects(conn)} == {"superseded by a corrected file"}

    # What is held judges nothing, and neither does what the source took back.
    refresh_feedback(conn, {})
    judged = conn.execute(
        "select source_row_number, price_aud, estimate_aud, state, dwelling_type"
        " from ml.prediction_feedback where source = 'smith' order by 1"
    ).fetchall()
    conn.commit()
    assert judged == [
        (2, 1_150_000, 1_000_000, "NSW", "house"),
        (4, 950_000, 1_000_000, "NSW", "house"),
    ]
    stands = {row.reference: row.status for row in list_actuals(conn, "smith")}
    assert stands == {"D1": "accepted", "D2": "held", "D3": "accepted"}


def test_a_source_may_send_so_many_rows_a_day(
    conn: Conn, homes: list[Any], send: Callable[..., Submitted]
) -> None:
    conn.execute("insert into ml.feedback_policy values ('jones', 3, 3, 0.05)")
    conn.commit()
    lines: list[Line] = [
        (homes[20 + n], 1_000_000, "2024-03-10", f"D{n}") for n in range(5)
    ]
    lines[1] = (homes[21], "nothing", "2024-03-10", "D1")
    # Refused rows count too: nobody fills the quarantine.
    assert counts(send(lines, "jones")) == (2, 0, 0, 1, 2)
    assert counts(send(lines, "jones")) == (0, 0, 2, 1, 2)
    # Another source has a limit of its own, and tomorrow is another day.
    assert counts(send(lines, "smith")) == (4, 0, 0, 1, 0)
    assert counts(send(lines, "jones", days=1)) == (2, 0, 2, 1, 0)


def test_a_recorded_sale_outranks_what_was_submitted(
    conn: Conn, homes: list[Any], send: Callable[..., Submitted]
) -> None:
    refresh_feedback(conn, {})
    conn.commit()
    recorded = told(conn)
    # Home 1 was sold in March for a million; Smith says more, and for a home without a
    # recorded sale as well.
    send(
        [
            (homes[0], 2_000_000, "2024-03-20", "D1"),
            (homes[30], 1_050_000, "2024-03-20", "D2"),
        ]
    )
    done = refresh_feedback(conn, {})
    conn.commit()
    assert (done.added, done.corrected, done.removed) == (1, 0, 0)
    assert told(conn)["a.csv:1"] == recorded["a.csv:1"]
    listed = {row.reference: row for row in list_actuals(conn)}
    assert listed["D1"].status == "outranked"
    assert listed["D1"].reason == "recorded for 1000000 AUD on 2024-03-02"
    assert listed["D2"].status == "accepted"
    # It is recorded at last: the record speaks, once.
    conn.execute(
        "insert into intermediate.int_sale__validated select gen_random_uuid(),"
        " %s, 1200000, '2024-04-01', '2024-06-01', '2024-06-01', 'NSW', 'house',"
        " 'NSW|A', 'csv', 'late.csv', 7, false, true",
        [homes[30]],
    )
    done = refresh_feedback(conn, {})
    conn.commit()
    assert (done.added, done.removed) == (1, 1)
    evidence = conn.execute(
        "select evidence, count(*) from ml.prediction_feedback group by 1"
    ).fetchall()
    assert evidence == [("sale", 11)]


def test_no_source_steers_the_judgement(
    conn: Conn, homes: list[Any], send: Callable[..., Submitted]
) -> None:
    conn.execute("update ml.feedback_policy set judging_share = 0.2")
    # Forty homes, all said to be sold at twice what they are taken to be worth.
    lines = [
        (home, 2_000_000, "2024-03-20", f"D{n}") for n, home in enumerate(homes[15:55])
    ]
    assert send(lines).accepted == 40
    refresh_feedback(conn, {})
    conn.commit()
    shown = conn.execute(
        "select evidence, sum(n)::int from ml.model_accuracy group by 1 order by 1"
    ).fetchall()
    assert shown == [("sale", 10), ("submitted", 40)]
    # Of ten recorded sales of the market and month, a fifth: two.
    found = experience_of(conn, "1", 10.0)
    assert (found.n, found.above) == (12, 2)
    assert found.mdape == 0
    # Neither do forty weigh the next training: two of them miss an interval each.
    (seen,) = broken_promises(conn)
    assert (seen.sales, seen.missed, seen.promised) == (12, 2, pytest.approx(2.4))


def test_the_commands_send_and_list(
    conn: Conn,
    database_url: str,
    homes: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "HOME": str(tmp_path),
        "DATABASE_URL": database_url,
        "MARKET": "real",
    }.items():
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)
    conn.execute("update ml.feedback_policy set rows_per_day = 2")
    conn.commit()
    file, report = tmp_path / "mine.csv", tmp_path / "report.json"
    day = date(2024, 3, 20)
    body = [f"{home},1100000,{day},D{n}" for n, home in enumerate(homes[20:23])]
    file.write_text("\n".join(["property_id,price,contract_date,reference", *body]))
    submit = ["actuals", "submit", str(file), "--source", "smith"]
    sent = CliRunner().invoke(cli.app, [*submit, "--json", str(report)])
    assert sent.exit_code == 1
    assert "3 read = 2 accepted + 0 held + 0 repeated" in sent.output
    assert "smith may send 2 new rows a day" in sent.output
    assert json.loads(report.read_text())["deferred"] == 1
    listed = CliRunner().invoke(cli.app, ["actuals", "list", "--json", str(report)])
    assert listed.exit_code == 0, listed.output
    assert "1,100,000 AUD on 2024-03-20  accepted" in listed.output
    assert [row["source_row_number"] for row in json.loads(report.read_text())] == [
        2,
        3,
    ]
    nobody = CliRunner().invoke(cli.app, ["actuals", "list", "--source", "jones"])
    assert "nothing was submitted" in nobody.output
    lost = CliRunner().invoke(
        cli.app, ["actuals", "submit", str(tmp_path / "no.csv"), "--source", "smith"]
    )
    assert isinstance(lost.exception, UserError)


def test_a_person_releases_or_rejects_what_is_held(
    conn: Conn,
    database_url: str,
    homes: list[Any],
    send: Callable[..., Submitted],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "HOME": str(tmp_path),
        "DATABASE_URL": database_url,
        "MARKET": "real",
    }.items():
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)
    lines = [
        (homes[20], 4_000_000, "2024-03-10", "D1"),
        (homes[21], 5_000_000, "2024-03-10", "D2"),
        (homes[22], 1_100_000, "2024-03-10", "D3"),
    ]
    assert counts(send(lines)) == (1, 2, 0, 0, 0)
    ids = {row.reference: str(row.actual_id) for row in list_actuals(conn)}
    conn.commit()

    def say(verb: str, reference: str, *more: str) -> Any:
        words = ["actuals", verb, ids[reference], "--as", "ana", *more]
        return CliRunner().invoke(cli.app, words)

    def judged() -> list[int]:
        refresh_feedback(conn, {})
        rows = conn.execute(
            "select price_aud from ml.prediction_feedback where source = 'smith'"
            " order by 1"
        ).fetchall()
        conn.commit()
        return [row[0] for row in rows]

    assert judged() == [1_100_000]
    done = say("release", "D1", "--reason", "seen on the title")
    assert "smith D1, 4,000,000 AUD: released from the next run on" in done.output
    assert judged() == [1_100_000, 4_000_000]
    # Said again, as after a kill: nothing is written twice.
    again = say("release", "D1", "--reason", "seen on the title")
    assert again.output == "smith D1, 4,000,000 AUD: released already\n"
    assert say("reject", "D2", "--reason", "a typing slip").exit_code == 0
    assert say("reject", "D3", "--reason", "an asking price").exit_code == 0
    assert judged() == [4_000_000]
    never = say("release", "D1", "--reason", " ")
    assert isinstance(never.exception, UserError)
    listed = CliRunner().invoke(cli.app, ["actuals", "list", "--status", "rejected"])
    assert "5,000,000 AUD on 2024-03-10  rejected: a typing slip (ana)" in listed.output
    assert "rejected by ana on " in listed.output
    assert listed.output.startswith(ids["D2"][:8]) or ids["D2"][:8] in listed.output
    kept = conn.execute(
        "select decision, previous_status, price_aud, actor, reason"
        " from ml.actual_decisions order by decision_id"
    ).fetchall()
    assert kept == [
        ("released", "held", 4_000_000, "ana", "seen on the title"),
        ("rejected", "held", 5_000_000, "ana", "a typing slip"),
        ("rejected", "accepted", 1_100_000, "ana", "an asking price"),
    ]
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        conn.execute("delete from ml.actual_decisions")
    conn.rollback()

    # Sent again as they were, a person's word stands; with another price they are new.
    assert counts(send(lines)) == (0, 0, 3, 0, 0)
    assert judged() == [4_000_000]
    mended = [(homes[20], 4_500_000, "2024-03-10", "D1"), *lines[1:2]]
    mended += [(homes[22], 1_150_000, "2024-03-10", "D3")]
    assert counts(send(mended)) == (1, 1, 1, 0, 0)
    assert judged() == [1_150_000]
    stands = {row.reference: (row.status, row.word) for row in list_actuals(conn)}
    assert stands["D1"] == ("held", None)
    assert stands["D2"][0] == "rejected"

    nothing = CliRunner().invoke(
        cli.app, ["actuals", "release", "ffff", "--reason", "x"]
    )
    assert "No actual has an id that begins with ffff" in str(nothing.exception)
    unheld = say("release", "D3", "--reason", "x")
    assert "smith D3 is accepted: there is nothing to release" in str(unheld.exception)
