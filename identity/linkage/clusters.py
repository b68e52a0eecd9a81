"""Who is one home: clusters of records from pairs, vetoes and people's decisions.

Belongs here: plain graph work on ids. The result depends on the pairs alone, never on
the order in which they come.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Node = TypeVar("Node", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Edge(Generic[Node]):
    """Two records (low < high) that are one home by score, or by a person's word."""

    low: Node
    high: Node
    score: float
    is_decided: bool = False

    @property
    def pair(self) -> tuple[Node, Node]:
        """Both ends, the lower first."""
        return self.low, self.high


#: Scores closer than this (bits) tell no better match from a worse one.
_MARGIN = 2.0


def components(pairs: Iterable[tuple[Node, Node]]) -> list[list[Node]]:
    """Connected components of a graph, each in the order of first mention."""
    groups = _Groups[Node]()
    for low, high in pairs:
        groups.join(low, high)
    return [members for members in groups.members() if len(members) > 1]


def resolve(
    edges: Sequence[Edge[Node]], enemies: Collection[tuple[Node, Node]]
) -> tuple[list[list[Node]], list[Edge[Node]]]:
    """Clusters of two and more, and the edges that were refused.

    `enemies` (low, high) never end in one cluster. Edges are taken strongest first,
    people's before all; one that would bring enemies together is refused. A record that
    fits two enemies about equally well joins neither: a person has to look.
    """
    kept, refused = _without_ambiguous(edges, enemies)
    kept.sort(key=lambda edge: (not edge.is_decided, -edge.score, edge.pair))
    groups = _Groups[Node]()
    hostile: dict[Node, set[Node]] = {}
    for low, high in enemies:
        hostile.setdefault(low, set()).add(high)
        hostile.setdefault(high, set()).add(low)
    for edge in kept:
        one, two = groups.of(edge.low), groups.of(edge.high)
        if one is two:
            continue
        if any(hostile.get(node, set()).intersection(two) for node in one):
            refused.append(edge)
        else:
            groups.join(edge.low, edge.high)
    return [found for found in groups.members() if len(found) > 1], refused


def _without_ambiguous(
    edges: Sequence[Edge[Node]], enemies: Collection[tuple[Node, Node]]
) -> tuple[list[Edge[Node]], list[Edge[Node]]]:
    if not enemies:
        return list(edges), []
    known = set(enemies)
    by_node: dict[Node, list[Edge[Node]]] = {}
    for edge in edges:
        by_node.setdefault(edge.low, []).append(edge)
        by_node.setdefault(edge.high, []).append(edge)
    unsure: set[tuple[Node, Node]] = set()
    for node, around in by_node.items():
        for position, edge in enumerate(around):
            for other in around[position + 1 :]:
                ends = _other_end(edge, node), _other_end(other, node)
                if ends not in known and ends[::-1] not in known:
                    continue
                if abs(edge.score - other.score) < _MARGIN:
                    unsure.update(e.pair for e in (edge, other) if not e.is_decided)
    return (
        [edge for edge in edges if edge.pair not in unsure],
        [edge for edge in edges if edge.pair in unsure],
    )


def _other_end(edge: Edge[Node], node: Node) -> Node:
    return edge.high if edge.low == node else edge.low


def choose_survivor(
    cluster: Iterable[Node], quality: Mapping[Node, tuple[object, ...]]
) -> Node:
    """The record whose id the home keeps: the least `quality` tuple, keys included."""
    return min(cluster, key=lambda node: quality[node])


class _Groups(Generic[Node]):
    """Disjoint groups as shared lists; the smaller joins the larger."""

    def __init__(self) -> None:
        self._of: dict[Node, list[Node]] = {}

    def of(self, node: Node) -> list[Node]:
        return self._of.setdefault(node, [node])

    def join(self, one: Node, two: Node) -> None:
        larger, smaller = self.of(one), self.of(two)
        if larger is smaller:
            return
        if len(larger) < len(smaller):
            larger, smaller = smaller, larger
        larger.extend(smaller)
        for node in smaller:
            self._of[node] = larger

    def members(self) -> list[list[Node]]:
        seen: dict[int, list[Node]] = {id(found): found for found in self._of.values()}
        return list(seen.values())
