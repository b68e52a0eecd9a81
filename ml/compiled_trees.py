"""Fitted boosting as arrays of splits upon codes of columns, for ``forest_walk``.

What a split asks of a column is where the value lies among that column's thresholds: a
whole number, made once a row and column whatever the trees. Sums have the bits that
scikit-learn's have: trees are added one after the other, to the baseline.
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

_MOST_LEAVES = 64
#: Rows at once: their codes stay in the processor's cache.
_BLOCK = 4_096
#: Rows from which on a chunk pays; so few rows are walked one by one.
_LEAST_CHUNK, _FEW = 128, 32
#: The code of a missing value where it goes right: beyond every threshold.
_BEYOND = 32_767
#: Codes that a category can have, and its limits: a code each.
_MOST_CODES = 257


@dataclass(frozen=True)
class Coding:
    """How columns (of ``compiled_inputs.Columns``) become rows of codes.

    Row i has, of column ``sources[i]``, how many of its rising ``limits`` from
    ``firsts[i]`` to the next lie below a value, and one; ``missing[i]`` for none.
    """

    sources: npt.NDArray[np.int32]
    firsts: npt.NDArray[np.int32]
    limits: Floats
    missing: npt.NDArray[np.int16]

    @staticmethod
    def of(rows: Sequence[tuple[int, npt.NDArray[np.floating], bool]]) -> Coding:
        """Of (column, rising limits, whether missing lies beyond all) by row."""
        import numpy as np

        sizes = [len(limits) for _, limits, _ in rows]
        return Coding(
            np.array([column for column, _, _ in rows], dtype=np.int32),
            np.array([0, *np.cumsum(sizes)], dtype=np.int32),
            np.concatenate([np.empty(0), *(limits for _, limits, _ in rows)]),
            np.array([_BEYOND if last else 0 for _, _, last in rows], dtype=np.int16),
        )


@dataclass(frozen=True)
class Forest:
    """Trees of one booster; ``nodes``, ``sets``, ``leaves``, ``roots`` as they walk."""

    baseline: float
    coding: Coding
    nodes: npt.NDArray[np.int32]
    sets: npt.NDArray[np.bool_]
    leaves: Floats
    roots: npt.NDArray[np.int32]

    def predict(self, columns: Floats, runs: Codes) -> Floats:
        """Sum of the trees for each row of ``columns`` (columns, n).

        ``runs`` (n,) never falls: rows of one number are neighbours in place and time,
        of which a tree has few splits to ask. The sums have the same bits whatever the
        runs.
        """
        import numpy as np

        from ml.forest_walk import PADDING, encode, walk

        n, coding = columns.shape[1], self.coding
        total = np.full(n, self.baseline)
        rows = len(coding.sources), min(n, _BLOCK) + PADDING
        codes = np.zeros(rows, dtype=np.int16)
        for first in range(0, n, _BLOCK):
            part = slice(first, first + _BLOCK)
            encode(
                columns[:, part],
                coding.sources,
                coding.firsts,
                coding.limits,
                coding.missing,
                codes,
            )
            walk(
                codes,
                chunks_of(runs[part]),
                self.nodes,
                self.sets,
                self.leaves,
                self.roots,
                total[part],
            )
        return total


def chunks_of(runs: Codes) -> Codes:
    """First rows of chunks, and the number of rows: short runs together, long in parts.

    Of few rows each is a chunk: it knows its way down every tree.
    """
    import numpy as np

    from ml.forest_walk import CHUNK

    n = len(runs)
    if n <= _FEW:
        return np.arange(n + 1)
    ends = np.append(np.flatnonzero(np.diff(runs)) + 1, n)
    found = [0]
    for end in ends.tolist():
        first = found[-1]
        if end - first >= _LEAST_CHUNK or end == n:
            parts = -(-(end - first) // CHUNK)
            found += [first + (end - first) * i // parts for i in range(1, parts + 1)]
    return np.array(found)


def compile_forest(
    booster: Any, sources: Sequence[int], tables: Sequence[Floats | None]
) -> Forest:
    """A fitted HistGradientBoostingRegressor's trees.

    ``sources`` are the columns its inputs come from, ``tables`` the values a column of
    a category can have (None: a number).

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
    leaf = nodes["is_leaf"] == 1
    if np.add.reduceat(leaf.astype(np.intp), firsts).max() > _MOST_LEAVES:
        raise Uncompilable("a tree of more than 64 leaves")
    number = np.where(leaf, -np.cumsum(leaf), np.cumsum(~leaf) - 1).astype(np.int32)
    made = np.zeros((int((~leaf).sum()), 4), dtype=np.int32)
    for at, side in enumerate(("left", "right"), 2):
        below = nodes[side].astype(np.intp) + firsts[of_tree]
        made[:, at] = number[below[~leaf]]
    rows: list[tuple[int, npt.NDArray[np.floating], bool]] = []
    sets: list[npt.NDArray[np.bool_]] = []
    for at, source in enumerate(sources):
        splits = np.flatnonzero(~leaf & (nodes["feature_idx"] == at))
        if len(splits) == 0:
            continue
        inner = number[splits]
        missing_left = nodes["missing_go_to_left"][splits] == 1
        if is_category[at]:
            made[inner, 0] = -1 - len(rows)
            made[inner, 1] = len(sets) + np.arange(len(splits))
            sets += _sets(booster, at, nodes[splits], of_tree[splits])
            # A whole number's code is the number and one.
            rows.append((source, np.arange(_MOST_CODES - 2.0), False))
            continue
        limits = nodes["num_threshold"][splits]
        thresholds = np.unique(limits)
        made[inner, 1] = np.searchsorted(thresholds, limits) + 1
        for is_asked, last in ((missing_left, False), (~missing_left, True)):
            if is_asked.any():
                made[inner[is_asked], 0] = len(rows)
                rows.append((source, thresholds, last))
    return Forest(
        baseline=float(np.ravel(booster._baseline_prediction)[0]),  # noqa: SLF001
        coding=Coding.of(rows),
        nodes=made,
        sets=np.array(sets, dtype=bool).reshape(-1, _MOST_CODES),
        leaves=np.ascontiguousarray(nodes["value"][leaf], dtype="float64"),
        roots=number[firsts],
    )


def _sets(
    booster: Any, at: int, splits: npt.NDArray[Any], of_tree: Codes
) -> list[npt.NDArray[np.bool_]]:
    """Of each split upon a category: which codes go left.

    What training never saw is as good as missing.
    """
    import numpy as np

    known, of_known = booster._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001
    seen = _members(known[of_known[at]]) + 1
    found = []
    for split, tree in zip(splits, of_tree.tolist(), strict=True):
        (grown,) = booster._predictors[tree]  # noqa: SLF001
        left = _members(grown.raw_left_cat_bitsets[split["bitset_idx"]]) + 1
        goes_left = np.full(_MOST_CODES, split["missing_go_to_left"] == 1)
        goes_left[seen] = False
        goes_left[left] = True
        found.append(goes_left)
    return found


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
