"""How alike two records are, field by field, and what that adds up to.

Belongs here: the levels of each field as SQL over records `a` and `b`, what forbids or
caps a merge whatever the sum, and the sum itself. The worth of a level is `weights`.
"""

# ruff: noqa: S608 (SQL is put together from names in this package alone)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from identity.linkage.weights import MERGE, PRIOR, REVIEW, WEIGHTS


@dataclass(frozen=True, slots=True)
class Field:
    """One comparison: names of its levels and the SQL that gives a level's number."""

    name: str
    levels: tuple[str, ...]
    sql: str


#: How the streets of two records differ, and how well both are known as streets: one
#: with one or two numbers beside one with many is likely a slip for it.
_KINDS = ("suburb", "name", "type missing", "type", "several")
_KNOWN = ("one is no street", "few numbers seen", "both seen", "both certain")


def _both_known(kind: int) -> str:
    """Levels of `support` at which both streets have three numbers and more."""
    first = 1 + kind * len(_KNOWN)
    return f"{first + 2}, {first + 3}"


_SAME_TITLE = "list_has_any(a.lots, b.lots)"
_SAME_PARCEL = "list_has_any(a.parcels, b.parcels)"
_METRES = (
    "111200 * sqrt(power(a.latitude - b.latitude, 2) + power((a.longitude - "
    "b.longitude) * cos(radians(a.latitude)), 2))"
)

FIELDS: tuple[Field, ...] = (
    Field(
        "street",
        ("same", "one slip", "alike", "other", "missing"),
        """case
            when a.street = '' or b.street = '' then 4
            when a.street = b.street then 0
            when least(length(a.street), length(b.street)) >= 4
                and damerau_levenshtein(a.street, b.street) <= 1 then 1
            when least(length(a.street), length(b.street)) >= 5
                and jaro_winkler_similarity(a.street, b.street) >= 0.92 then 2
            else 3 end""",
    ),
    Field(
        "way",
        (
            "same",
            "type missing",
            "suffix missing",
            "other type",
            "other suffix",
            "both",
        ),
        """case
            when a.way = b.way and a.suffix = b.suffix then 0
            when a.suffix = b.suffix and (a.way = '' or b.way = '') then 1
            when a.way = b.way and (a.suffix = '' or b.suffix = '') then 2
            when a.suffix = b.suffix then 3
            when a.way = b.way then 4
            else 5 end""",
    ),
    Field(
        "number",
        (
            "same",
            "range holds it",
            "other letter",
            "digits swapped",
            "missing",
            "other",
        ),
        """case
            when a.number = '' or b.number = '' then 4
            when a.number = b.number then 0
            when (a.first_number = a.last_number) <> (b.first_number = b.last_number)
                and list_has_any(a.numbers, b.numbers) then 1
            when a.first_number = b.first_number and a.last_number = b.last_number
                then 2
            when a.number_letter = b.number_letter and list_sort(
                string_split(a.number, '')) = list_sort(string_split(b.number, ''))
                then 3
            else 5 end""",
    ),
    Field(
        "flat",
        (
            "none",
            "same",
            "lot as unit",
            "other",
            "one missing",
            "lot of the title",
            "lot as unit, as its plan numbers",
        ),
        f"""case
            when a.flat = '' and b.flat = '' then 0
            when a.flat = '' or b.flat = '' then 4
            when a.flat_is_lot <> b.flat_is_lot and {_SAME_TITLE} then 5
            when a.flat = b.flat and a.flat_is_lot = b.flat_is_lot then 1
            when a.flat = b.flat and (a.counts_lots or b.counts_lots) then 6
            when a.flat = b.flat then 2
            else 3 end""",
    ),
    Field(
        "place",
        (
            "same",
            "postcode missing",
            "other postcode",
            "suburb alike",
            "other suburb, same postcode",
            "other suburb, near postcode",
            "other",
        ),
        """case
            when a.locality = b.locality and a.postcode = b.postcode then 0
            when a.locality = b.locality and (a.postcode = '' or b.postcode = '') then 1
            when a.locality = b.locality then 2
            when length(a.locality) > 4 and length(b.locality) > 4
                and damerau_levenshtein(a.locality, b.locality) <= 1 then 3
            when a.postcode = b.postcode then 4
            when a.postcode = '' or b.postcode = ''
                or left(a.postcode, 3) = left(b.postcode, 3) then 5
            else 6 end""",
    ),
    Field(
        "support",
        ("same street", *(f"{kind}: {how}" for kind in _KINDS for how in _KNOWN)),
        f"""case
            when a.street_key = b.street_key then 0
            else 1 + {len(_KNOWN)} * (case
                when l_street > 0 and (l_way > 0 or a.locality <> b.locality) then 4
                when l_way > 0 and a.locality <> b.locality then 4
                when l_street > 0 then 1
                when l_way in (1, 2) then 2
                when l_way > 2 then 3
                else 0 end)
            + case
                when least(a.support, b.support) <= 2
                    then if(greatest(a.support, b.support) > 5, 0, 1)
                when least(a.support, b.support) <= 5 then 2
                else 3 end
            end""",
    ),
    Field(
        "distance",
        ("40 m", "150 m", "600 m", "2.5 km", "farther", "missing"),
        f"""case
            when a.latitude is null or b.latitude is null then 5
            when {_METRES} < 40 then 0
            when {_METRES} < 150 then 1
            when {_METRES} < 600 then 2
            when {_METRES} < 2500 then 3
            else 4 end""",
    ),
    Field(
        "title",
        ("same lot", "same parcel", "other lot", "other parcel", "missing"),
        f"""case
            when len(a.parcels) = 0 or len(b.parcels) = 0 then 4
            when {_SAME_TITLE} then 0
            when {_SAME_PARCEL} and len(a.lots) > 0 and len(b.lots) > 0 then 2
            when {_SAME_PARCEL} then 1
            else 3 end""",
    ),
    Field(
        "dwelling",
        ("same", "other", "missing"),
        """case
            when a.dwelling_type is null or b.dwelling_type is null then 2
            when a.dwelling_type = b.dwelling_type then 0
            else 1 end""",
    ),
)

#: What makes two homes of two records, whatever else agrees (SQL over levels, a and b).
VETOES: dict[str, str] = {
    "other unit": "l_flat = 3 and l_title <> 0",
    "unit and whole building": "l_flat = 4 and l_title <> 0",
    "other lot of the plan": "l_title = 2",
    "other number": "l_number in (3, 5) and l_title > 1",
    "other letter": "l_number = 2 and l_title > 1",
    "other building": "a.building <> '' and b.building <> '' "
    "and a.building <> b.building",
    "other floor": "a.floor <> '' and b.floor <> '' and a.floor <> b.floor",
    # Parallel streets have the same numbers a few metres apart.
    "other street": "l_street = 3 and l_title > 1",
    "street unread": "regexp_matches(concat_ws(' ', a.street, b.street), 'UNIT[0-9]')",
    "other address of the register": "a.gnaf_pid <> b.gnaf_pid",
}
#: What a person has to look at, however high the sum.
CAPS: dict[str, str] = {
    "one title, other units": "l_flat in (3, 4)",
    "lot number taken for a unit": "l_flat = 2",
    # MEASURED on the NSW files without their titles: of pairs whose streets are one
    # letter apart and both well known, two in three are two homes; of those that
    # differ in the type of the street alone, one in three.
    "both streets are known": "l_street = 1 and l_title > 1 and l_distance > 1 "
    f"and l_support in ({_both_known(1)}, {_both_known(4)})",
    "other type of street": "l_way > 2 and l_flat = 0 and l_title > 1 "
    "and l_distance > 0",
    "street only alike": "l_street in (2, 3)",
    "one parcel, other numbers": "l_number in (2, 3, 5)",
    "building on one side": "(a.building = '') <> (b.building = '') and l_title <> 0",
    "number on one side": "l_number = 4 and l_title > 1",
}


def level_columns() -> str:
    """SELECT list of all levels as `l_<field>`."""
    return ", ".join(f"({f.sql})::utinyint as l_{f.name}" for f in FIELDS)


def score_sql(weights: dict[str, tuple[float, ...]] | None = None) -> str:
    """SQL of the sum of a pair's weights, in bits."""
    chosen = weights or WEIGHTS
    terms = [
        f"{list(chosen[field.name])}[l_{field.name} + 1]".replace("'", "")
        for field in FIELDS
    ]
    return f"({PRIOR} + " + " + ".join(terms) + ")"


def _first_true(conditions: dict[str, str]) -> str:
    cases = " ".join(f"when {sql} then '{name}'" for name, sql in conditions.items())
    return f"case {cases} end"


#: Pairs compared at once. Both their records are joined in, wide as they are: more
#: would spill, which costs five times the comparing.
_CHUNK = 300_000


def compare(duck: Any, pairs: str = "pairs", target: str = "scored") -> None:
    """Table `target`: levels, score (bits), veto and cap of each pair.

    Needs `records`, `supports` and `plans`; `verdict` is merge, review, veto or apart.
    """
    total = duck.execute(f"select count(*) from {pairs}").fetchone()[0]
    chunks = total // _CHUNK + 1
    for chunk in range(chunks):
        some = f"(from {pairs} where hash(low) % {chunks} = {chunk})"
        verb = f"insert into {target}" if chunk else f"create or replace table {target}"
        duck.execute(f"{verb} {'' if chunk else 'as'} {_compared(some)}")


def _compared(pairs: str) -> str:
    return f"""
        with p as {pairs},
        r as (
            select r.*, coalesce(s.support, 0) as support,
                r.flat_is_lot and r.parcels[1] in (from plans) as counts_lots
            from records r left join supports s using (street_key)
            where property_id in (select low from p union all select high from p)
        ),
        judged as (
            select p.low, p.high, {level_columns()},
                {score_sql()}::real as score,
                {_first_true(VETOES)} as veto, {_first_true(CAPS)} as cap
            from p
            join r a on a.property_id = p.low
            join r b on b.property_id = p.high
        )
        select *,
            case
                when veto is not null then 'veto'
                when score >= {MERGE} and cap is null then 'merge'
                when score >= {REVIEW} then 'review'
                else 'apart'
            end as verdict
        from judged
        """
