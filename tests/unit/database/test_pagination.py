"""Pages join to the whole; a cursor is good for its own question and nothing else."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.pagination import BadCursor, Cursors, read_page

CURSORS = Cursors(b"sixteen bytes of")
VALUES = st.one_of(
    st.text(),
    st.integers(),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=10))])),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False),
)


@given(key=st.lists(VALUES, max_size=4))
def test_a_cursor_gives_back_what_was_sealed(key: list[Any]):
    opened = CURSORS.open(CURSORS.seal("q", {"a": 1}, key), "q", {"a": 1})
    assert opened == tuple(key)
    assert [type(value) for value in opened] == [type(value) for value in key]


@given(key=st.lists(VALUES, max_size=3), data=st.data())
def test_an_altered_cursor_is_refused(key: list[Any], data: st.DataObject):
    sealed = CURSORS.seal("q", {}, key)
    place = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.characters(codec="ascii"))
    altered = sealed[:place] + letter + sealed[place + 1 :]
    try:
        assert CURSORS.open(altered, "q", {}) == tuple(key)
    except BadCursor:
        assert altered != sealed


@pytest.mark.parametrize(
    ("question", "filters"),
    [
        ("other", {"suburb_key": "NSW|RYDE"}),
        ("q", {"suburb_key": "NSW|EPPING"}),
        ("q", {"suburb_key": None}),
        ("q", {}),
        ("q", {"suburb_key": "NSW|RYDE", "more": 1}),
    ],
)
def test_a_cursor_of_another_question_is_refused(
    question: str, filters: dict[str, Any]
):
    sealed = CURSORS.seal("q", {"suburb_key": "NSW|RYDE"}, [1])
    with pytest.raises(BadCursor, match="first page"):
        CURSORS.open(sealed, question, filters)


def test_filters_do_not_run_together():
    sealed = CURSORS.seal("q", {"a": "1", "b": "2"}, [1])
    with pytest.raises(BadCursor):
        CURSORS.open(sealed, "q", {"a": '1"], ["b", ["str", "2'})
    with pytest.raises(BadCursor):
        CURSORS.open(sealed, "q", {"a": 1, "b": "2"})


def test_a_cursor_of_another_installation_is_refused():
    with pytest.raises(BadCursor):
        CURSORS.open(Cursors(b"another sixteen.").seal("q", {}, [1]), "q", {})


@pytest.mark.parametrize("text", ["", "!", "é", "AAAA", "a" * 500])
def test_nonsense_is_no_cursor(text: str):
    with pytest.raises(BadCursor):
        CURSORS.open(text, "q", {})


def test_a_null_ends_no_page():
    with pytest.raises(TypeError):
        CURSORS.seal("q", {}, [None])


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="16"):
        Cursors(b"short")


class _Table:
    """Rows ordered by (day, id), newest first, as a keyset query gives them."""

    def __init__(self, rows: set[tuple[date, uuid.UUID]], limit: int) -> None:
        self.rows = rows
        self.limit = limit

    def fetch(self, after: tuple[Any, ...] | None) -> list[dict[str, Any]]:
        behind = [row for row in self.rows if after is None or row < after]
        ordered = sorted(behind, reverse=True)[: self.limit]
        return [{"day": day, "id": identity} for day, identity in ordered]


ROWS = st.sets(
    st.tuples(st.dates(date(2024, 1, 1), date(2024, 1, 5)), st.uuids()), max_size=25
)


@given(first=ROWS, others=st.lists(ROWS, max_size=8), limit=st.integers(1, 7))
def test_pages_join_to_the_whole_while_rows_are_inserted(
    first: set[tuple[date, uuid.UUID]],
    others: list[set[tuple[date, uuid.UUID]]],
    limit: int,
):
    table = _Table(set(first), limit)
    inserts = iter(others)
    seen: list[tuple[date, uuid.UUID]] = []
    cursor: str | None = None
    for _ in range(1_000):
        page = read_page(
            table.fetch,
            CURSORS,
            question="rows",
            filters={"limit": limit},
            order_by=("day", "id"),
            limit=limit,
            cursor=cursor,
        )
        seen += [(row["day"], row["id"]) for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
        table.rows |= next(inserts, set())
    assert seen == sorted(set(seen), reverse=True), "a row repeats or is out of order"
    assert first <= set(seen), "a row that was there all along is lost"
    assert set(seen) <= table.rows


def test_types_keep_their_values_apart():
    assert CURSORS.seal("q", {}, ["1"]) != CURSORS.seal("q", {}, [1])
    moment = datetime(2024, 4, 7, 2, 30, tzinfo=UTC)
    key = [moment, Decimal("1.50"), date(2024, 4, 7)]
    assert CURSORS.open(CURSORS.seal("q", {}, key), "q", {}) == tuple(key)
