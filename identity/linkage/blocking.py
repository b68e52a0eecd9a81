"""Which pairs of records are looked at: those that share a block.

Belongs here: the keys of a record's blocks, and pairs within blocks. A block larger
than its cap is left out, so that the pairs grow with the records and not with their
square; what one rule loses there, a narrower one still finds.
"""

# ruff: noqa: S608 (SQL is put together from names in this package alone)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to find a home again: what must agree, and how many may share it.

    `parts` are SQL expressions over a record and `n`, one of its house numbers;
    `needs` says which records have the key at all.
    """

    name: str
    parts: tuple[str, ...]
    needs: str
    cap: int
    per_number: bool = True
    why: str = ""


# Half a kilometre; the second grid is shifted by half a cell, so that two places beside
# each other share a cell of the one or the other (but for rare corners).
_CELL = 0.005

RULES: tuple[Rule, ...] = (
    Rule(
        "street",
        ("state", "locality", "street", "flat", "n"),
        "street <> '' and locality <> ''",
        cap=60,
        why="type or suffix missing or wrong, postcode missing or wrong, ranges",
    ),
    Rule(
        "district",
        ("state", "left(postcode, 3)", "street", "flat", "n"),
        "street <> '' and postcode <> ''",
        # A country's Station Streets: more than a few say nothing of each other, and
        # would be most of all pairs.
        cap=12,
        why="the neighbour suburb, an old suburb",
    ),
    Rule(
        "beginning",
        ("state", "locality", "left(street, 3)", "flat", "n"),
        "street <> '' and locality <> ''",
        cap=60,
        why="a slip in the end of the street's name",
    ),
    Rule(
        "ending",
        ("state", "locality", "right(street, 3)", "flat", "n"),
        "street <> '' and locality <> ''",
        cap=60,
        why="a slip in the beginning of the street's name",
    ),
    Rule(
        "frame",
        ("state", "locality", "left(street, 1)", "right(street, 1)", "flat", "n"),
        "street <> '' and locality <> ''",
        cap=60,
        why="a slip in the middle of a short name",
    ),
    Rule(
        "cell",
        (f"floor(latitude / {_CELL})", f"floor(longitude / {_CELL})", "flat", "n"),
        "latitude is not null and longitude is not null",
        cap=30,
        why="street and suburb both written otherwise",
    ),
    Rule(
        "shifted_cell",
        (
            f"floor(latitude / {_CELL} + 0.5)",
            f"floor(longitude / {_CELL} + 0.5)",
            "flat",
            "n",
        ),
        "latitude is not null and longitude is not null",
        cap=30,
        why="the same across the border of a cell",
    ),
    Rule(
        "gnaf",
        ("gnaf_pid",),
        "gnaf_pid is not null",
        cap=60,
        per_number=False,
        why="two spellings of one address of the register",
    ),
)
#: Caps of the rule on titles, which takes part once per title.
_TITLE_CAP = 60


def caps() -> dict[int, int]:
    """Largest block of each rule that is still looked at, by the rule's number."""
    found = {number: rule.cap for number, rule in enumerate(RULES)}
    return {**found, len(RULES): _TITLE_CAP}


def create_keys(duck: Any, records: str = "records", target: str = "keys") -> None:
    """Table `target` (property_id, key, rule): the blocks each record is in.

    A key is 63 bits of DuckDB's hash, whose lowest four bits are the rule's number.
    """
    selects = [_select(number, rule, records) for number, rule in enumerate(RULES)]
    number = len(RULES)
    selects.append(
        "select property_id, "
        + _key(number, ("t", "case when ends_with(t, '|') then flat end"))
        + f" as key from (select *, unnest(titles) as t from {records})"
    )
    duck.execute(
        f"create or replace table {target} as select distinct property_id, key from ("
        + " union all ".join(selects)
        + ")"
    )


def _key(number: int, parts: tuple[str, ...]) -> str:
    text = ", ".join(f"coalesce(({part})::varchar, '')" for part in parts)
    return (
        f"(((hash(concat_ws(chr(31), {text})) >> 1) & ~15::ubigint) | {number})::bigint"
    )


def _select(number: int, rule: Rule, records: str) -> str:
    source = f"{records} where {rule.needs}"
    if rule.per_number:
        source = f"(select *, unnest(numbers) as n from {records}) where {rule.needs}"
    return f"select property_id, {_key(number, rule.parts)} as key from {source}"


def create_pairs(
    duck: Any, keys: str = "keys", target: str = "pairs", only: str | None = None
) -> None:
    """Table `target` (low, high): distinct pairs of property ids that share a block.

    `only`: a table of property ids, of which each pair has at least one.
    """
    sizes = " ".join(f"when {rule} then {cap}" for rule, cap in caps().items())
    some = (
        ""
        if only is None
        else f"and (a.property_id in (from {only}) or b.property_id in (from {only}))"
    )
    duck.execute(
        f"""
        create or replace table {target} as
        with shared as (
            select key from {keys} group by key
            having count(*) > 1 and count(*) <= case key & 15 {sizes} end
        ),
        members as (
            select k.key, k.property_id from {keys} k semi join shared using (key)
        )
        select distinct a.property_id as low, b.property_id as high
        from members a join members b
            on a.key = b.key and a.property_id < b.property_id {some}
        """
    )
