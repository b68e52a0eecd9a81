"""Fitted boosting as bit masks: a tree's leaf is what all its splits leave over.

A tree of at most 64 leaves has a bit a leaf. What a split rules out depends on one
column's place among that column's thresholds, so that each tree has a small table of
masks a column; the AND of a row's entries has one bit, the leaf. Columns of few places
share a table. No branch is taken: three times as fast as walking down the nodes, in
arrays of any number of rows, with the same sums to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.compiled_inputs import Uncompilable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Codes = npt.NDArray[np.intp]
    Masks = npt.NDArray[np.uint64]

_MOST_LEAVES = 64
#: Entries that a table of several columns has at most.
_JOINT = 1_500
#: Rows at once: their codes stay in the processor's cache.
_BLOCK = 8_192
#: Up to so many rows all trees are looked up at once, so many rows a time.
_FEW, _FEW_AT_ONCE = 400, 16
#: Multiplied by a single bit, its top six bits name which bit it was.
_DE_BRUIJN, _NAMED = 0x03F79D71B4CB0A89, 58
#: Rows a run has on average from which on runs pay.
_PAYING = 4
_ALL = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True)
class Place:
    """How a column's value becomes a code: 0 for missing.

    By ``thresholds`` (how many lie below it) or, for categories, by ``known`` ones.
    """

    thresholds: Floats
    known: Codes | None = None

    @property
    def size(self) -> int:
        """How many codes there are."""
        if self.known is not None:
            return int(self.known.max(initial=0)) + 2
        return len(self.thresholds) + 2

    def codes(self, values: Floats) -> Codes:
        """Codes of a column's values."""
        import numpy as np

        if self.known is None:
            codes = np.searchsorted(self.thresholds, values, side="left") + 1
            codes[np.isnan(values)] = 0
            return codes
        whole = np.where(np.isnan(values), -1, values).astype(np.intp)
        return np.where(np.isin(whole, self.known), whole + 1, 0)


@dataclass(frozen=True)
class Forest:
    """Trees of one booster: masks by tree and table, the values of their leaves.

    ``groups`` are the columns (of ``compiled_inputs.Columns``) of each table with their
    places. ``masks`` holds all tables; pair i of tree and table begins at
    ``offsets[i]`` and is about group ``of_group[i]``; the pairs of tree t begin at
    ``starts[t]``. ``leaves`` (trees, 64) in the order that the bit's name gives.
    """

    baseline: float
    groups: tuple[tuple[tuple[int, Place], ...], ...]
    masks: Masks
    offsets: Codes
    of_group: Codes
    starts: Codes
    leaves: Floats

    def predict(self, columns: Floats, runs: Codes) -> Floats:
        """Sum of the trees for each row of ``columns`` (columns, n).

        ``runs`` (n,) never falls: rows of one number are neighbours in place and time,
        and what is the same for all of them is looked up once. The sums have the same
        bits whatever the runs.
        """
        import numpy as np

        n = columns.shape[1]
        codes = np.empty((len(self.groups), n), dtype=np.intp)
        for at, group in enumerate(self.groups):
            codes[at] = 0
            for column, place in group:
                codes[at] = codes[at] * place.size + place.codes(columns[column])
        total = np.empty(n)
        if n <= _FEW:
            for first in range(0, n, _FEW_AT_ONCE):
                part = slice(first, first + _FEW_AT_ONCE)
                total[part] = self._few(codes[:, part])
        else:
            for first in range(0, n, _BLOCK):
                part = slice(first, first + _BLOCK)
                block = np.ascontiguousarray(codes[:, part])
                self._many(block, runs[part], total[part])
        return total

    def _few(self, codes: Codes) -> Floats:
        """All trees at once."""
        import numpy as np

        at = np.ascontiguousarray(codes.T).take(self.of_group, axis=1, mode="clip")
        at += self.offsets
        found = self.masks.take(at, mode="clip")
        bits = np.bitwise_and.reduceat(found, self.starts, axis=1)
        names = ((bits * np.uint64(_DE_BRUIJN)) >> np.uint64(_NAMED)).view(np.int64)
        trees = len(self.starts)
        values = np.empty((codes.shape[1], trees + 1))
        values[:, 0] = self.baseline
        values[:, 1:] = self.leaves.ravel()[names + 64 * np.arange(trees)]
        # One after the other, as boosting adds them: a sum by pairs ends in other bits.
        return np.add.accumulate(values, axis=1)[:, -1]

    def _many(self, codes: Codes, runs: Codes, total: Floats) -> None:
        """Tree by tree, what the rows of a run share before what they do not."""
        import numpy as np

        n = codes.shape[1]
        starts = np.flatnonzero(np.diff(runs, prepend=runs[0] - 1))
        heads = np.ascontiguousarray(codes[:, starts])
        run = np.repeat(np.arange(len(starts)), np.diff(starts, append=n))
        pays = _PAYING * len(starts) <= n
        shared = [
            pays and bool((heads[at][run] == codes[at]).all())
            for at in range(len(codes))
        ]
        few, other_few = np.empty((2, len(starts)), dtype=np.uint64)
        bits, other, added = *np.empty((2, n), dtype=np.uint64), np.empty(n)
        names, multiplier = bits.view(np.int64), np.uint64(_DE_BRUIJN)
        total[:] = self.baseline
        ends = [*self.starts[1:].tolist(), len(self.offsets)]
        pairs = list(zip(self.of_group.tolist(), self.offsets.tolist(), strict=True))
        for tree, (start, end) in enumerate(
            zip(self.starts.tolist(), ends, strict=True)
        ):
            mine = pairs[start:end]
            of_runs = [pair for pair in mine if shared[pair[0]]]
            of_rows = [pair for pair in mine if not shared[pair[0]]]
            if of_runs:
                self._and(of_runs, heads, few, other_few)
                few.take(run, out=bits, mode="wrap")
            self._and(of_rows, codes, bits, other, begun=bool(of_runs))
            np.multiply(bits, multiplier, out=bits)
            np.right_shift(bits, _NAMED, out=bits)
            self.leaves[tree].take(names, out=added, mode="wrap")
            np.add(total, added, out=total)

    def _and(
        self,
        pairs: list[tuple[int, int]],
        codes: Codes,
        bits: Masks,
        other: Masks,
        *,
        begun: bool = False,
    ) -> None:
        """What the tables of (group, offset) leave over, into ``bits``."""
        import numpy as np

        for group, offset in pairs:
            found = other if begun else bits
            self.masks[offset:].take(codes[group], out=found, mode="wrap")
            if begun:
                np.bitwise_and(bits, other, out=bits)
            begun = True


def compile_forest(
    booster: Any,
    sources: Sequence[int],
    tables: Sequence[Floats | None],
    local: Sequence[bool],
) -> Forest:
    """A fitted HistGradientBoostingRegressor's trees.

    ``sources`` are the columns its inputs come from, ``tables`` the values a column of
    a category can have (None: a number), ``local`` says which are the same for all
    homes of a place and time.

    Raises:
        Uncompilable: a tree has too many leaves, or its inputs are put in another way
            than is known here.
    """
    import numpy as np

    is_category = _categories(booster, sources, tables)
    trees = [tree for (tree,) in booster._predictors]  # noqa: SLF001
    nodes = np.concatenate([tree.nodes for tree in trees])
    sizes = np.array([len(tree.nodes) for tree in trees])
    firsts = np.cumsum(sizes) - sizes
    of_tree = np.repeat(np.arange(len(trees)), sizes)
    left, right = (nodes[side].astype(np.intp) + firsts[of_tree] for side in _SIDES)
    leaf = nodes["is_leaf"] == 1
    counted = np.cumsum(leaf)
    number = counted - 1 - (counted - leaf)[firsts][of_tree]
    if number[leaf].max() >= _MOST_LEAVES:
        raise Uncompilable("a tree of more than 64 leaves")
    reach = np.zeros(len(nodes), dtype=np.uint64)
    reach[leaf] = np.uint64(1) << number[leaf].astype(np.uint64)
    for depth in range(int(nodes["depth"].max()), -1, -1):
        inner = np.flatnonzero((nodes["depth"] == depth) & ~leaf)
        reach[inner] = reach[left[inner]] | reach[right[inner]]
    known, of_known = booster._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001
    # By column: its place, the trees that split on it, their masks by code.
    found: dict[int, tuple[Place, Codes, Masks]] = {}
    for at in range(len(sources)):
        splits = np.flatnonzero(~leaf & (nodes["feature_idx"] == at))
        if len(splits) == 0:
            continue
        if is_category[at]:
            place = Place(np.empty(0), _members(known[of_known[at]]))
            bitsets = [
                trees[of_tree[s]].raw_left_cat_bitsets[nodes["bitset_idx"][s]]
                for s in splits
            ]
            goes_left = _category_goes_left(place, bitsets)
        else:
            limits = nodes["num_threshold"][splits]
            place = Place(np.unique(limits))
            ranks = np.searchsorted(place.thresholds, limits)
            goes_left = np.arange(place.size) - 1 <= ranks[:, None]
        goes_left[:, 0] = nodes["missing_go_to_left"][splits] == 1
        # Of the tree's leaves alone: the bits beyond them are no leaf's.
        every = reach[firsts[of_tree[splits]]]
        stays = np.where(
            goes_left,
            (every & ~reach[right[splits]])[:, None],
            (every & ~reach[left[splits]])[:, None],
        )
        owners, begin = np.unique(of_tree[splits], return_index=True)
        found[at] = (place, owners, np.bitwise_and.reduceat(stays, begin, axis=0))
    values = np.zeros((len(trees), _MOST_LEAVES))
    bits = np.uint64(1) << number[leaf].astype(np.uint64)
    names = (bits * np.uint64(_DE_BRUIJN)) >> np.uint64(_NAMED)
    values[of_tree[leaf], names.astype(np.intp)] = nodes["value"][leaf]
    baseline = float(np.ravel(booster._baseline_prediction)[0])  # noqa: SLF001
    return _forest(baseline, sources, found, values, local)


_SIDES = ("left", "right")


def _categories(
    booster: Any, sources: Sequence[int], tables: Sequence[Floats | None]
) -> list[bool]:
    """Which inputs are categories, having seen that they reach the trees unchanged."""
    import numpy as np

    flags = booster.is_categorical_
    flags = np.zeros(len(sources), dtype=bool) if flags is None else flags
    rows = max([1, *(len(table) for table in tables if table is not None)])
    probe = np.tile(np.arange(len(sources)) + 0.5, (rows, 1))
    for at, table in enumerate(tables):
        if table is not None:
            probe[:, at] = np.nan
            probe[: len(table), at] = table
    reached = booster._preprocess_X(probe, reset=False)  # noqa: SLF001
    if not np.array_equal(reached, probe, equal_nan=True):
        raise Uncompilable("boosting that puts its inputs in another order")
    return [bool(flag) for flag in flags]


def _members(bitset: npt.NDArray[np.uint32]) -> Codes:
    """Numbers whose bits are set in eight words of 32."""
    import numpy as np

    bits = (bitset[:, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
    return np.flatnonzero(bits.ravel())


def _category_goes_left(
    place: Place, bitsets: Sequence[npt.NDArray[np.uint32]]
) -> npt.NDArray[np.bool_]:
    """By split and code; the first code, missing, is for the caller."""
    import numpy as np

    goes = np.zeros((len(bitsets), place.size), dtype=bool)
    for split, bitset in enumerate(bitsets):
        members = _members(bitset) + 1
        goes[split, members[members < place.size]] = True
    return goes


def _forest(
    baseline: float,
    sources: Sequence[int],
    found: dict[int, tuple[Place, Codes, Masks]],
    values: Floats,
    local: Sequence[bool],
) -> Forest:
    """Put the masks of columns into tables, of several columns where they are small."""
    import numpy as np

    trees = len(values)
    groups: list[list[int]] = []
    room: list[int] = []
    for at in sorted(found, key=lambda at: (local[at], found[at][0].size)):
        size = found[at][0].size
        alike = bool(groups) and local[groups[-1][-1]] == local[at]
        if alike and room[-1] * size <= _JOINT:
            groups[-1].append(at)
            room[-1] *= size
        else:
            groups.append([at])
            room.append(size)
    tables: list[Masks] = []
    owners_of: list[Codes] = []
    for group, size in zip(groups, room, strict=True):
        owners = np.unique(np.concatenate([found[at][1] for at in group]))
        joint = np.full((len(owners), 1), _ALL, dtype=np.uint64)
        for at in group:
            place, of_trees, masks = found[at]
            every = np.full((len(owners), place.size), _ALL, dtype=np.uint64)
            every[np.searchsorted(owners, of_trees)] = masks
            joint = (joint[:, :, None] & every[:, None, :]).reshape(len(owners), -1)
        tables.append(joint.reshape(len(owners), size))
        owners_of.append(owners)
    # A tree without a split has the one leaf: a table that leaves it over.
    whole = np.setdiff1d(np.arange(trees), np.concatenate([*owners_of, [-1]]))
    if len(whole):
        groups.append([])
        tables.append(np.ones((len(whole), 1), dtype=np.uint64))
        owners_of.append(whole)
    owner = np.concatenate(owners_of)
    of_group = np.repeat(np.arange(len(groups)), [len(part) for part in owners_of])
    lengths = np.concatenate([np.full(len(table), table.shape[1]) for table in tables])
    offsets = np.cumsum(lengths) - lengths
    order = np.argsort(owner, kind="stable")
    return Forest(
        baseline=baseline,
        groups=tuple(
            tuple((sources[at], found[at][0]) for at in group) for group in groups
        ),
        masks=np.concatenate([table.ravel() for table in tables]),
        offsets=offsets[order],
        of_group=of_group[order],
        starts=np.searchsorted(owner[order], np.arange(trees)),
        leaves=values,
    )
