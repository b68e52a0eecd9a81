"""Redirects and reviews in the warehouse: full runs, increments, people, crashes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import psycopg
import pytest
from typer.testing import CliRunner

import cli
from assets import keys
from assets.linkage import property_redirects
from assets.resolution import resolve_homes
from assets.resources import Warehouse
from benchmarks.labelled_set import canonical, gather, judge
from database.merge_reviews import decide, decisions_on, find_review, list_reviews
from domain.errors import UserError
from identity.linkage.weights import PRIOR
from simulator.labelled_addresses import LabelledAddress, labelled_addresses
from tests.linkage_samples import plant, redirects, remembered, reviews


@pytest.fixture(scope="module")
def market() -> list[LabelledAddress]:
    return list(labelled_addresses(5, 700))


def test_a_run_puts_homes_together_and_a_second_finds_nothing_to_do(
    conn: psycopg.Connection, market: list[LabelledAddress]
) -> None:
    plant(conn, market)
    first = resolve_homes(conn)
    assert first.kind == "full"
    labelled = gather(market)
    everything, residual = judge(labelled, redirects(conn))
    exact, _ = judge(labelled, {})
    assert everything.recall > exact.recall
    assert everything.precision > 0.99
    assert residual.right_pairs > 0
    before = redirects(conn), reviews(conn), remembered(conn)
    assert resolve_homes(conn).kind == "unchanged"
    again = resolve_homes(conn, full=True)
    assert (again.redirects_changed, again.reviews_changed) == (0, 0)
    assert (redirects(conn), reviews(conn), remembered(conn)) == before


def test_a_home_sold_again_under_its_known_address_is_no_news(
    conn: psycopg.Connection, market: list[LabelledAddress]
) -> None:
    plant(conn, market)
    resolve_homes(conn)
    before = redirects(conn), reviews(conn), remembered(conn)
    plant(conn, [one for one in market if one.source == "nsw_valuer"], "sold again")
    assert resolve_homes(conn).kind == "unchanged"
    assert (redirects(conn), reviews(conn), remembered(conn)) == before


@pytest.mark.parametrize("order", [1, 2])
def test_shuffled_increments_agree_with_one_full_run(
    conn: psycopg.Connection, market: list[LabelledAddress], order: int
) -> None:
    shuffled = market.copy()
    random.Random(order).shuffle(shuffled)
    cuts = [0, 300, 310, 700, 1100, len(shuffled)]
    kinds = []
    for number in range(len(cuts) - 1):
        plant(conn, shuffled[cuts[number] : cuts[number + 1]], f"batch {number}")
        kinds.append(resolve_homes(conn).kind)
    assert kinds == ["full", *["increment"] * 4]
    grown = redirects(conn), reviews(conn), remembered(conn)
    done = resolve_homes(conn, full=True)
    assert (redirects(conn), reviews(conn), remembered(conn)) == grown
    assert (done.redirects_changed, done.reviews_changed) == (0, 0)


def _address(home: int, address: str, **more: object) -> LabelledAddress:
    values: dict[str, object] = {
        **dict.fromkeys(LabelledAddress.__slots__, ""),
        "home": home,
        "source": "csv",
        "address": address,
        "locality": "Elmfield",
        "state": "VIC",
        "postcode": "3900",
        "latitude": None,
        "longitude": None,
        "dwelling_type": "house",
        "variants": (),
        **more,
    }
    return LabelledAddress(**values)  # type: ignore[arg-type]


STREET = [_address(n, f"{n} Acacia Street") for n in range(1, 40, 2)]
#: A slip of one letter: one home by its score.
SLIP = _address(11, "11 Acacai Street")


def _id(address: LabelledAddress) -> UUID:
    return canonical(address).property_id


def _pair(one: LabelledAddress, two: LabelledAddress) -> tuple[UUID, UUID]:
    low, high = sorted((_id(one), _id(two)))
    return low, high


def _status(
    conn: psycopg.Connection, one: LabelledAddress, two: LabelledAddress
) -> Any:
    row = conn.execute(
        "select status, decided_by, reason from marts.merge_reviews "
        "where (low_property_id, high_property_id) = (%s, %s)",
        list(_pair(one, two)),
    ).fetchone()
    return row if row is None else tuple(row)


def _say(
    conn: psycopg.Connection,
    verdict: str,
    one: LabelledAddress,
    two: LabelledAddress,
    *,
    reason: str = "seen it",
) -> None:
    decide(conn, _id(one), _id(two), verdict, actor="ann", reason=reason)  # type: ignore[arg-type]
    conn.commit()
    resolve_homes(conn, decisions_only=True)


def test_a_person_merges_keeps_apart_and_takes_it_back(
    conn: psycopg.Connection,
) -> None:
    known, wrong = STREET[6], STREET[5]
    far = _address(13, "13 Wattle Place", locality="Oakdale", postcode="3950")
    plant(conn, [*STREET, SLIP, far])
    resolve_homes(conn)
    assert redirects(conn) == {_id(SLIP): _id(wrong)}

    # What is alike was merged by its score; what is not takes a person.
    _say(conn, "merge", known, far)
    both = redirects(conn)
    survivor = both.get(_id(known), _id(known))
    assert both.get(_id(far), _id(far)) == survivor
    assert _status(conn, known, far) == ("merged", "ann", "seen it")
    (evidence,) = conn.execute(
        "select evidence from intermediate.int_property__redirects "
        "where reason = 'reviewed'"
    ).fetchone()
    assert evidence["person"]["decided_by"] == "ann"

    # A score's merge can be parted, by a person.
    _say(conn, "keep_apart", SLIP, wrong, reason="two plots")
    assert _id(SLIP) not in redirects(conn)
    assert _status(conn, SLIP, wrong) == ("kept_apart", "ann", "two plots")
    (back,) = conn.execute(
        "select to_property_id from intermediate.int_property__redirects "
        "where from_property_id = %s",
        [_id(SLIP)],
    ).fetchone()
    assert back == _id(SLIP)

    # Decisions outlive a full rebuild, also of the redirects themselves.
    said = redirects(conn), reviews(conn)
    conn.execute(
        "truncate intermediate.int_property__redirects, marts.merge_reviews, "
        "ops.linkage_records, ops.linkage_pairs, ops.linkage_state"
    )
    conn.commit()
    assert resolve_homes(conn).kind == "full"
    assert (redirects(conn), reviews(conn)) == said

    _say(conn, "undo", known, far)
    _say(conn, "undo", SLIP, wrong)
    assert redirects(conn) == {_id(SLIP): _id(wrong)}
    assert _status(conn, known, far)[0] == "superseded"
    assert _status(conn, SLIP, wrong)[0] == "superseded"


def test_what_waits_is_decided_by_its_review(
    conn: psycopg.Connection, market: list[LabelledAddress]
) -> None:
    plant(conn, market)
    resolve_homes(conn)
    waiting = list_reviews(conn)
    assert waiting
    assert [r.score for r in waiting] == sorted(
        (r.score for r in waiting), reverse=True
    )
    first = find_review(conn, str(waiting[0].review_id)[:13])
    assert first == waiting[0]
    assert sum(bits for _, bits in first.evidence.values()) + PRIOR == pytest.approx(
        first.score, abs=0.01
    )
    ids = first.low_property_id, first.high_property_id
    decide(conn, *ids, "merge", actor="ann", reason="the same door")
    conn.commit()
    resolve_homes(conn, decisions_only=True)
    found = redirects(conn)
    assert found.get(ids[0], ids[0]) == found.get(ids[1], ids[1])
    assert find_review(conn, str(first.review_id)).status == "merged"
    assert "by ann: the same door" in decisions_on(conn, *ids)[0]
    with pytest.raises(UserError, match="No review"):
        find_review(conn, "00000000-0000")
    with pytest.raises(UserError, match="no id of a review"):
        find_review(conn, "x")


def test_decisions_are_refused_without_name_reason_or_object(
    conn: psycopg.Connection,
) -> None:
    plant(conn, STREET)
    one, two = _id(STREET[0]), _id(STREET[1])
    for bad in (
        {"actor": " ", "reason": "x"},
        {"actor": "x", "reason": ""},
    ):
        with pytest.raises(UserError, match="who decides and why"):
            decide(conn, one, two, "merge", **bad)
    with pytest.raises(UserError, match="nothing to undo"):
        decide(conn, one, two, "undo", actor="a", reason="b")
    with pytest.raises(UserError, match="same property id"):
        decide(conn, one, one, "merge", actor="a", reason="b")
    with pytest.raises(UserError, match="No address has"):
        decide(conn, one, UUID(int=7), "merge", actor="a", reason="b")
    decide(conn, one, two, "merge", actor="a", reason="b")
    conn.commit()
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        conn.execute("delete from ops.merge_decisions")


def test_a_decision_follows_its_addresses_to_new_property_ids(
    conn: psycopg.Connection,
) -> None:
    far = _address(1, "1 Wattle Place", locality="Oakdale", postcode="3950")
    plant(conn, [*STREET, far])
    resolve_homes(conn)
    _say(conn, "merge", STREET[0], far)
    # The canonical key's form changes: other ids for the same text as received.
    conn.execute(
        "update intermediate.int_address__identity set "
        "property_id = md5(property_id::text)::uuid, address_key = 'v3|' || address_key"
    )
    conn.commit()
    resolve_homes(conn, full=True)
    ids = [
        conn.execute("select md5(%s)::uuid", [str(_id(address))]).fetchone()[0]
        for address in (STREET[0], far)
    ]
    found = redirects(conn)
    assert found.get(ids[0], ids[0]) == found.get(ids[1], ids[1])


def test_an_address_that_goes_takes_its_merges_with_it(
    conn: psycopg.Connection,
) -> None:
    plant(conn, [*STREET, SLIP])
    resolve_homes(conn)
    assert redirects(conn)
    conn.execute(
        "delete from intermediate.int_address__identity where property_id = %s",
        [_id(SLIP)],
    )
    conn.commit()
    assert resolve_homes(conn).kind == "increment"
    assert not redirects(conn)


_FULL_RUN = """
import sys, psycopg
from assets.resolution import resolve_homes
conn = psycopg.connect(sys.argv[1])
resolve_homes(conn, full=True)
"""


def _waits(conn: psycopg.Connection) -> bool:
    row = conn.execute(
        "select exists(select from pg_locks where not granted "
        "and relation = 'marts.merge_reviews'::regclass)"
    ).fetchone()
    conn.rollback()
    return bool(row and row[0])


def test_a_killed_run_leaves_everything_as_it_was(
    conn: psycopg.Connection, database_url: str, market: list[LabelledAddress]
) -> None:
    plant(conn, market[:600])
    resolve_homes(conn)
    before = redirects(conn), reviews(conn), remembered(conn)
    plant(conn, market[600:], "two")
    with psycopg.connect(database_url) as holder:
        # The run gets as far as its last table, and waits there.
        holder.execute("lock table marts.merge_reviews in exclusive mode")
        victim = subprocess.Popen([sys.executable, "-c", _FULL_RUN, database_url])
        while not _waits(conn):
            assert victim.poll() is None
            time.sleep(0.05)
        victim.kill()
        victim.wait()
    assert (redirects(conn), reviews(conn), remembered(conn)) == before
    conn.rollback()
    resolve_homes(conn)
    grown = redirects(conn), reviews(conn), remembered(conn)
    resolve_homes(conn, full=True)
    assert (redirects(conn), reviews(conn), remembered(conn)) == grown
    assert len(grown[0]) > len(before[0])


@pytest.fixture
def warehouse(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Warehouse:
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path))
    monkeypatch.setenv("AUSPROPERTY_MARKET", "simulated")
    return Warehouse()


def test_the_assets_tell_what_was_merged_and_a_person_decides_by_command(
    conn: psycopg.Connection,
    warehouse: Warehouse,
    market: list[LabelledAddress],
    tmp_path: Path,
) -> None:
    plant(conn, market)
    result = dg.materialize([property_redirects], resources={"warehouse": warehouse})
    shown = {
        event.asset_key: event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
    }
    assert set(shown) == {keys.PROPERTY_REDIRECTS, keys.MERGE_REVIEWS}
    merged = shown[keys.PROPERTY_REDIRECTS]
    assert merged["kind_of_run"].value == "full"
    assert merged["dagster/row_count"].value == len(redirects(conn)) > 0

    def run(*words: str) -> str:
        found = CliRunner().invoke(cli.app, ["reviews", *words])
        assert found.exit_code == 0, found.output
        return found.output

    listed = tmp_path / "reviews.json"
    assert "open" in run("list", "--json", str(listed))
    first = json.loads(listed.read_text())[0]
    assert first["low_address"] in run("show", first["review_id"])
    said = run("merge", first["review_id"][:13], "--actor", "ann", "--reason", "same")
    assert "1 redirects" in said
    assert "by ann: same" in run("show", first["review_id"])
    assert "(merged)" in run("list", "--status", "merged")
    pair = (first["low_property_id"], first["high_property_id"])
    run("undo", *pair, "--actor", "bob", "--reason", "a mistake")
    run("keep-apart", *pair, "--actor", "bob", "--reason", "two doors")
    assert "(kept_apart)" in run("list", "--status", "kept_apart")
    bad = CliRunner().invoke(cli.app, ["reviews", "list", "--status", "closed"])
    assert isinstance(bad.exception, UserError)
