"""What is one home and what is not, through the whole engine on a few addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from benchmarks.labelled_set import PARTS
from domain.address_text import canonical_text
from domain.addresses import CanonicalAddress, canonical_psi
from identity.linkage import blocking, comparison, engine, records, weights

Link = Callable[..., set[frozenset[str]]]


def text(line: str, locality: str = "Elmfield", postcode: str = "2900") -> Any:
    return canonical_text(line, locality=locality, state="NSW", postcode=postcode)


def psi(
    house: str,
    street: str = "ACACIA ST",
    *,
    unit: str | None = None,
    lot: str | None = None,
    parcel: str = "77",
    locality: str = "ELMFIELD",
) -> tuple[CanonicalAddress, dict[str, str]]:
    found = canonical_psi(
        unit=unit,
        house=house or None,
        street=street,
        locality=locality,
        postcode="2900",
        strata_lot=lot,
        valuer_property_id=parcel,
    )
    return found, {"titles": f"NSW|{parcel}|{lot or ''}"}


#: A street everybody knows: its slips are told from other streets by it.
KNOWN = [text(f"{n} Acacia Street") for n in range(101, 121, 2)]


@pytest.fixture
def duck(tmp_path: Path) -> Iterator[Any]:
    connection = engine.open_duckdb(tmp_path, memory_mib=256, threads=1)
    records.create_input(connection)
    yield connection
    connection.close()


def _fill(duck: Any, given: list[Any]) -> dict[UUID, str]:
    names: dict[UUID, str] = {}
    for one in given:
        known, more = one if isinstance(one, tuple) else (one, {})
        values = {name: getattr(known, name, None) for name in PARTS[1:]}
        values |= {"address_key": known.key, "property_id": known.property_id, **more}
        marks = ", ".join("?" for _ in values)
        duck.execute(
            f"insert into addresses ({', '.join(values)}) values ({marks})",
            list(values.values()),
        )
        names[known.property_id] = known.key
    return names


def homes(duck: Any, *given: Any, **decisions: bool) -> set[frozenset[str]]:
    """Canonical keys that are one home."""
    names = _fill(duck, [*KNOWN, *given])
    engine.judge_all(duck)
    found = engine.resolve_homes(duck, engine.kept_edges(duck), {})
    clusters: dict[UUID, set[str]] = {}
    for merge in found.merges:
        clusters.setdefault(merge.survivor, {names[merge.survivor]}).add(
            names[merge.merged]
        )
    return {frozenset(cluster) for cluster in clusters.values()}


def verdict(duck: Any, one: Any, two: Any) -> tuple[str, str | None]:
    """What is said of one pair, whether or not a block holds it."""
    names = _fill(duck, [*KNOWN, one, two])
    records.prepare_records(duck)
    records.count_supports(duck)
    records.find_plans(duck)
    low, high = sorted(list(names)[-2:])
    duck.execute("create table pairs (low uuid, high uuid)")
    duck.execute("insert into pairs values (?, ?)", [low, high])
    comparison.compare(duck)
    row = duck.execute("select verdict, coalesce(veto, cap) from scored").fetchone()
    return row[0], row[1]


ONE_HOME = [
    (text("11 Acacia Street"), text("11 Acacai Street")),
    (text("11 Acacia Street"), text("11 Acacia")),
    (text("3/11 Acacia Street"), text("Unit 3, 11 Acaccia St")),
    # The same title: lot 2 of the plan is unit 12.
    (psi("11", unit="12", lot="2"), psi("11", lot="2")),
    # The same parcel, written in the neighbour suburb.
    (psi("11"), psi("11", locality="OAKDALE")),
]


@pytest.mark.parametrize(("one", "two"), ONE_HOME)
def test_one_home_in_two_spellings_is_put_together(
    duck: Any, one: Any, two: Any
) -> None:
    keys = {(a[0] if isinstance(a, tuple) else a).key for a in (one, two)}
    assert len(keys) == 2
    assert homes(duck, one, two) == {frozenset(keys)}


TWO_HOMES = [
    (text("3/11 Acacia Street"), text("4/11 Acacia Street"), "other unit"),
    (
        text("3/11 Acacia Street"),
        text("11 Acacia Street"),
        "unit and whole building",
    ),
    (text("11 Acacia Street"), text("13 Acacia Street"), "other number"),
    (text("11 Acacia Street"), text("11A Acacia Street"), "other letter"),
    (text("12 Acacia Street"), text("21 Acacia Street"), "other number"),
    (
        psi("11", unit="3", lot="3"),
        psi("11", unit="4", lot="4"),
        "other unit",
    ),
    (
        psi("11", "ACACIA ST", unit="3", lot="3"),
        psi("11", "ACACAI ST", unit="3", lot="5"),
        "other lot of the plan",
    ),
    (
        (text("3/11 Acacia Street"), {"gnaf_pid": "GANSW1"}),
        (text("3/11 Acacai Street"), {"gnaf_pid": "GANSW2"}),
        "other address of the register",
    ),
]


@pytest.mark.parametrize(("one", "two", "why"), TWO_HOMES)
def test_two_homes_are_told_apart_however_alike(
    duck: Any, one: Any, two: Any, why: str
) -> None:
    assert verdict(duck, one, two) == ("veto", why)


FOR_PEOPLE = [
    # One title, and two units written for it: somebody is wrong.
    (
        psi("11", unit="3", lot="3"),
        psi("11", "ACACAI ST", unit="8", lot="3"),
        "one title, other units",
    ),
    # Three in ten units do not carry their lot's number.
    (psi("11", lot="3"), text("3/11 Acacia Street"), "lot number taken for a unit"),
    (psi("11"), psi("13"), "one parcel, other numbers"),
]


@pytest.mark.parametrize(("one", "two", "why"), FOR_PEOPLE)
def test_what_only_a_person_can_tell_is_never_merged(
    duck: Any, one: Any, two: Any, why: str
) -> None:
    found, cap = verdict(duck, one, two)
    assert found in ("review", "apart")
    assert cap == why


def test_lots_are_units_in_a_plan_that_numbers_them_so(duck: Any) -> None:
    plan = [psi("11", unit=str(n), lot=str(n)) for n in (1, 2)]
    lone, portal = psi("11", lot="3"), text("3/11 Acacia Street")
    keys = frozenset({lone[0].key, portal.key})
    assert keys in homes(duck, *plan, lone, portal)


def test_a_number_in_two_streets_of_one_name_stays_two_homes(duck: Any) -> None:
    roads = [text(f"{n} Acacia Road") for n in range(101, 121, 2)]
    assert (
        homes(duck, *roads, text("11 Acacia Street"), text("11 Acacia Road")) == set()
    )


def test_an_address_that_fits_two_homes_joins_neither(duck: Any) -> None:
    roads = [text(f"{n} Acacia Road") for n in range(101, 121, 2)]
    given = [text("11 Acacia Street"), text("11 Acacia Road"), text("11 Acacia")]
    assert homes(duck, *roads, *given) == set()


def test_the_same_street_in_two_suburbs_is_two_homes(duck: Any) -> None:
    oakdale = [text(f"{n} Acacia Street", "Oakdale") for n in range(101, 121, 2)]
    given = [text("11 Acacia Street"), text("11 Acacia Street", "Oakdale")]
    assert homes(duck, *oakdale, *given) == set()


def test_a_block_over_its_cap_is_left_out(duck: Any) -> None:
    _fill(duck, [text("11 Acacia Street")])
    records.prepare_records(duck)
    cap = max(blocking.caps().values())
    duck.execute("create table keys (property_id uuid, key bigint)")
    duck.execute(
        f"insert into keys select uuid(), 16 from range({cap + 1}) "
        "union all select uuid(), 32 from range(3)"
    )
    blocking.create_pairs(duck)
    assert duck.execute("select count(*) from pairs").fetchone() == (3,)


def test_weights_and_levels_go_together() -> None:
    for spec in comparison.FIELDS:
        assert len(weights.WEIGHTS[spec.name]) == len(spec.levels), spec.name
    assert weights.CONFLICT < weights.REVIEW < weights.MERGE
    assert len(blocking.RULES) < 16  # the rule's number has four bits of a key
