"""Linkage from start to end in DuckDB: all pairs that matter, then who is one home.

Belongs here: the order of the steps, and the connection's limits. What a run knows of
earlier ones (increments) and where results go is `assets/resolution.py`.
"""

# ruff: noqa: S608 (SQL is put together from names in this package alone)

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from identity.linkage.blocking import create_keys, create_pairs
from identity.linkage.clusters import Edge, choose_survivor, components, resolve
from identity.linkage.comparison import FIELDS, compare
from identity.linkage.records import count_supports, find_plans, prepare_records
from identity.linkage.weights import CONFLICT, WEIGHTS

Pair = tuple[UUID, UUID]

#: Records of one component beyond which nothing is merged: such a chain is a mistake.
LARGEST_COMPONENT = 60


@dataclass(frozen=True, slots=True)
class Merge:
    """A property id that is one home with `survivor`, by its strongest pair."""

    merged: UUID
    survivor: UUID
    reason: str
    score: float | None
    by: Pair


@dataclass(slots=True)
class Resolution:
    """Merges, and accepted pairs that were not followed, with the reason."""

    merges: list[Merge] = field(default_factory=list)
    refused: dict[Pair, str] = field(default_factory=dict)


def open_duckdb(
    folder: Path, *, memory_mib: int | None = None, threads: int = 2
) -> Any:
    """A DuckDB in memory that spills into `folder` beyond `memory_mib`.

    Without a limit given: 3,000 MiB, in which 5 million records are compared without
    spilling much, or a quarter of a smaller machine.
    """
    import duckdb

    if memory_mib is None:
        pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        memory_mib = min(3_000, pages // 2**22)

    duck = duckdb.connect(
        config={
            "memory_limit": f"{memory_mib}MB",
            "threads": threads,
            "temp_directory": str(folder),
            "preserve_insertion_order": False,
        }
    )
    duck.execute("set enable_progress_bar = false")  # logs are no terminal
    return duck


def load_csv(duck: Any, table: str, source: Path) -> None:
    """Fill a table from CSV without header, as PostgreSQL writes it."""
    duck.execute(
        f"copy {table} from '{source}' (format csv, header false, delimiter ',', "
        "quote '\"', escape '\"', auto_detect false)"
    )


def judge_all(duck: Any) -> None:
    """From table `addresses` to `kept`: every pair to merge or to review."""
    find_pairs(duck)
    judge_pairs(duck)


def find_pairs(duck: Any) -> None:
    """From table `addresses` to `pairs`: every pair that shares a block."""
    prepare_records(duck)
    count_supports(duck)
    find_plans(duck)
    create_keys(duck)
    create_pairs(duck)


def judge_pairs(duck: Any) -> None:
    """Score the table `pairs`; those to merge or to review become `kept`."""
    compare(duck)
    duck.execute(
        "create or replace table kept as select * from scored "
        "where verdict in ('merge', 'review')"
    )


def kept_edges(duck: Any) -> list[Edge[UUID]]:
    """The pairs of `kept` that are one home by their score."""
    rows = duck.execute("select low, high, score from kept where verdict = 'merge'")
    return [Edge(low, high, score) for low, high, score in rows.fetchall()]


def resolve_homes(
    duck: Any, edges: Sequence[Edge[UUID]], decisions: Mapping[Pair, bool]
) -> Resolution:
    """Who is one home, given accepted pairs and people's decisions (True: merge).

    `edges` must hold every accepted pair of the components they touch; the table
    `records` every record of those, `supports` and `plans` what these need.
    """
    followed = [edge for edge in edges if edge.pair not in decisions]
    followed += [
        Edge(low, high, 0.0, True) for (low, high), one in decisions.items() if one
    ]
    by_root: dict[UUID, int] = {}
    groups = components([edge.pair for edge in followed])
    for number, members in enumerate(groups):
        by_root.update(dict.fromkeys(members, number))
    of_group: dict[int, list[Edge[UUID]]] = defaultdict(list)
    for edge in followed:
        of_group[by_root[edge.low]].append(edge)
    enemies = _enemies(duck, groups)
    for pair, one in decisions.items():
        if one:
            enemies.get(by_root[pair[0]], set()).discard(pair)
        elif pair[0] in by_root and by_root[pair[0]] == by_root.get(pair[1]):
            enemies[by_root[pair[0]]].add(pair)
    quality = _quality(duck, by_root)
    found = Resolution()
    for number, own in of_group.items():
        if len(groups[number]) > LARGEST_COMPONENT:
            own, left = [e for e in own if e.is_decided], own
            found.refused.update(
                {e.pair: "part of a chain too long" for e in left if not e.is_decided}
            )
        clusters, refused = resolve(own, enemies[number])
        found.refused.update({e.pair: "fits homes that are not one" for e in refused})
        for cluster in clusters:
            found.merges.extend(_merges(cluster, own, quality))
    return found


def _merges(
    cluster: Sequence[UUID],
    edges: Iterable[Edge[UUID]],
    quality: Mapping[UUID, tuple[object, ...]],
) -> Iterable[Merge]:
    survivor = choose_survivor(cluster, quality)
    members = set(cluster)
    best: dict[UUID, Edge[UUID]] = {}
    for edge in edges:
        if edge.low in members and edge.high in members:
            for end in edge.pair:
                best[end] = min(best.get(end, edge), edge, key=_strength)
    for node in cluster:
        if node != survivor:
            edge = best[node]
            yield Merge(
                node,
                survivor,
                "reviewed" if edge.is_decided else "linked",
                None if edge.is_decided else edge.score,
                edge.pair,
            )


def _strength(edge: Edge[UUID]) -> tuple[object, ...]:
    return (not edge.is_decided, -edge.score, edge.pair)


def _enemies(
    duck: Any, groups: Sequence[Sequence[UUID]]
) -> defaultdict[int, set[Pair]]:
    """Pairs within one component that speak against it.

    Vetoed, far too unlike, or for a person to decide: no chain may decide those.
    """
    found: defaultdict[int, set[Pair]] = defaultdict(set)
    rows = [
        (str(node), number)
        for number, members in enumerate(groups)
        if 2 < len(members) <= LARGEST_COMPONENT
        for node in members
    ]
    if not rows:
        return found
    _fill(duck, "members", "property_id UUID, component INTEGER", rows)
    duck.execute(
        "create or replace table pairs as select a.property_id as low, "
        "b.property_id as high from members a join members b "
        "on a.component = b.component and a.property_id < b.property_id"
    )
    compare(duck, target="within")
    against = duck.execute(
        "select m.component, w.low, w.high from within w "
        f"join members m on m.property_id = w.low where w.veto is not null "
        f"or w.cap is not null or w.score < {CONFLICT}"
    )
    for number, low, high in against.fetchall():
        found[number].add((low, high))
    return found


def _quality(duck: Any, nodes: Iterable[UUID]) -> dict[UUID, tuple[object, ...]]:
    """Lower is better: in the register, whole, known street, sure; then the key."""
    rows = [(str(node),) for node in nodes]
    if not rows:
        return {}
    _fill(duck, "wanted", "property_id UUID", rows)
    found = duck.execute(
        """
        select property_id, gnaf_pid is null, key_kind <> 'address', flat_is_lot,
            coalesce(s.support, 0) <= 2, (way = '')::int + (postcode = '')::int,
            -round(confidence, 3), address_key
        from records r semi join wanted using (property_id)
        left join supports s using (street_key)
        """
    ).fetchall()
    return {row[0]: tuple(row[1:]) for row in found}


def _fill(duck: Any, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """A small table from Python rows, column by column (row by row takes minutes)."""
    import pyarrow as pa  # type: ignore[import-untyped]

    names = [column.split()[0] for column in columns.split(", ")]
    filled = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    duck.execute(f"create or replace table {table} ({columns})")
    duck.register("_filling", filled)
    duck.execute(f"insert into {table} select * from _filling")
    duck.unregister("_filling")


def legend() -> list[dict[str, Any]]:
    """What a pair's levels mean, for people: per field its levels as [name, bits]."""
    return [
        {
            "name": spec.name,
            "levels": [
                list(known)
                for known in zip(spec.levels, WEIGHTS[spec.name], strict=True)
            ],
        }
        for spec in FIELDS
    ]


def evidence_of(levels: Sequence[int]) -> dict[str, list[Any]]:
    """A pair's levels by field, as [name, bits]."""
    return {
        spec["name"]: spec["levels"][level]
        for spec, level in zip(legend(), levels, strict=True)
    }
