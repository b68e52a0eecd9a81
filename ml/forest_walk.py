"""The loop that asks trees, in machine code: numba compiles it, once for a machine.

Rows come in chunks of neighbours. Of a tree a chunk first drops what none of its rows
can reach; the few splits that are left are asked of all its rows at once, as bytes with
a bit a leaf. Imported where rows are asked, not before: numba takes half a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numba
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Codes = npt.NDArray[np.int16]
    Floats = npt.NDArray[np.float64]
    Firsts = npt.NDArray[np.intp]

Function = TypeVar("Function", bound=Callable[..., object])

#: Rows of a chunk at most, and how many columns of codes must follow the last row.
CHUNK, PADDING = 256, 32
#: Leaves of a tree at most.
MOST_LEAVES = 64

#: Leaves that a byte has bits for.
_BYTE = 8
#: Multiplied by a single bit, its top six bits name which bit it was.
_DE_BRUIJN, _NAMED = np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
_ONE = np.uint64(1)


def _compiled(function: Function) -> Function:
    try:
        made: Function = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder to keep it in: compiled once a process
        made = numba.njit(nogil=True)(function)
    return made


@_compiled
def encode(
    columns: Floats,
    sources: npt.NDArray[np.int32],
    firsts: npt.NDArray[np.int32],
    limits: Floats,
    missing: Codes,
    codes: Codes,
) -> None:
    """Fill ``codes`` (coded, n or more) from ``columns`` (columns, n).

    Row i is of column ``sources[i]``: how many of its rising ``limits``, from
    ``firsts[i]`` to the next, lie below the value, and one; ``missing[i]`` for none.
    """
    for row in range(sources.shape[0]):
        source, first, end = sources[row], firsts[row], firsts[row + 1]
        for at in range(columns.shape[1]):
            value = columns[source, at]
            if np.isnan(value):
                codes[row, at] = missing[row]
                continue
            low, size = first, end - first
            while size > 0:
                half = size >> 1
                is_above = limits[low + half] < value
                low = low + half + 1 if is_above else low
                size = size - half - 1 if is_above else half
            codes[row, at] = low - first + 1


@_compiled
def _spans(codes: Codes, chunks: Firsts) -> npt.NDArray[np.int32]:
    """Least and greatest code of each column in each chunk."""
    found = np.empty((chunks.shape[0] - 1, codes.shape[0], 2), np.int32)
    for chunk in range(found.shape[0]):
        for column in range(found.shape[1]):
            least, most = np.int32(1 << 20), np.int32(-1)
            for row in range(chunks[chunk], chunks[chunk + 1]):
                code = np.int32(codes[column, row])
                least, most = min(least, code), max(most, code)
            found[chunk, column, 0], found[chunk, column, 1] = least, most
    return found


@_compiled
def walk(
    codes: Codes,
    chunks: Firsts,
    nodes: npt.NDArray[np.int32],
    sets: npt.NDArray[np.bool_],
    leaves: Floats,
    roots: npt.NDArray[np.int32],
    total: Floats,
) -> None:
    """Add the trees' values, one tree after the other, to ``total`` (n,).

    ``codes`` (columns, n + PADDING) int16; ``chunks`` are first rows, of at most CHUNK
    each, and n. ``nodes`` (m, 4) int32: column and greatest code that goes left, or
    -1 - column and which of ``sets`` (sets, codes) says so; then what lies left and
    right: a node, or -1 - leaf. ``roots`` are such numbers too.
    """
    spans = _spans(codes, chunks)
    # No slices below: each would count references, which takes longer than the work.
    flat, stride = codes.ravel(), np.uint64(codes.shape[1])
    kept, below = np.empty(MOST_LEAVES, np.int32), np.empty(2 * MOST_LEAVES, np.int32)
    waiting = np.empty(2 * MOST_LEAVES, np.int32)
    place = np.empty(2 * MOST_LEAVES, np.int32)
    values = np.empty(MOST_LEAVES)
    every, lefts, rights = np.empty((3, MOST_LEAVES), np.uint64)
    bytes_, words = np.empty(CHUNK + PADDING, np.uint8), np.empty(CHUNK, np.uint64)
    table = np.zeros(256)
    for root in roots:
        for chunk in range(chunks.shape[0] - 1):
            begin = np.uint64(chunks[chunk])
            rows = np.uint64(chunks[chunk + 1]) - begin
            # What is left of the tree: splits that part these rows, parents first.
            count, depth, node, slot, top = 0, 0, root, -1, root
            while True:
                while node >= 0:
                    column, limit = nodes[node, 0], nodes[node, 1]
                    if column >= 0:
                        is_left = spans[chunk, column, 1] <= limit
                        if not (is_left | (spans[chunk, column, 0] > limit)):
                            break
                    else:
                        code = spans[chunk, -1 - column, 0]
                        if code != spans[chunk, -1 - column, 1]:
                            break
                        is_left = sets[limit, code]
                    node = nodes[node, 2] if is_left else nodes[node, 3]
                if slot < 0:
                    top = node
                else:
                    below[slot] = count if node >= 0 else node
                if node >= 0:
                    kept[count] = node
                    waiting[depth], place[depth] = nodes[node, 3], 2 * count + 1
                    depth += 1
                    node, slot = nodes[node, 2], 2 * count
                    count += 1
                    continue
                if depth == 0:
                    break
                depth -= 1
                node, slot = waiting[depth], place[depth]
            if count == 0:
                value = leaves[-1 - top]
                for row in range(rows):
                    total[begin + row] += value
                continue
            # A bit a leaf, and the bits below each split and on either side.
            found = 0
            for at in range(count - 1, -1, -1):
                for side in range(2):
                    child = below[2 * at + side]
                    if child < 0:
                        values[found] = leaves[-1 - child]
                        bits = _ONE << np.uint64(found)
                        found += 1
                    else:
                        bits = every[child]
                    if side == 0:
                        lefts[at] = bits
                    else:
                        rights[at] = bits
                every[at] = lefts[at] | rights[at]
            if found <= _BYTE:
                # Some rows more, so that the loop is of whole vectors.
                whole = (rows + np.uint64(31)) & ~np.uint64(31)
                for at in range(count):
                    column, limit = nodes[kept[at], 0], nodes[kept[at], 1]
                    left = np.uint8(every[0] & ~rights[at])
                    right = np.uint8(every[0] & ~lefts[at])
                    if column < 0:
                        first = np.uint64(-1 - column) * stride + begin
                        for row in range(rows):
                            stays = left if sets[limit, flat[first + row]] else right
                            bytes_[row] = stays if at == 0 else bytes_[row] & stays
                        continue
                    first, most = np.uint64(column) * stride + begin, np.int16(limit)
                    if at == 0:
                        for row in range(whole):
                            bytes_[row] = left if flat[first + row] <= most else right
                    else:
                        for row in range(whole):
                            bytes_[row] &= left if flat[first + row] <= most else right
                for leaf in range(found):
                    table[1 << leaf] = values[leaf]
                for row in range(rows):
                    total[begin + row] += table[bytes_[row]]
                continue
            for at in range(count):
                column, limit = nodes[kept[at], 0], nodes[kept[at], 1]
                stay = every[0] & ~rights[at]
                go = every[0] & ~lefts[at]
                if column < 0:
                    first = np.uint64(-1 - column) * stride + begin
                    for row in range(rows):
                        bits = stay if sets[limit, flat[first + row]] else go
                        words[row] = bits if at == 0 else words[row] & bits
                    continue
                first, most = np.uint64(column) * stride + begin, np.int16(limit)
                if at == 0:
                    for row in range(rows):
                        words[row] = stay if flat[first + row] <= most else go
                else:
                    for row in range(rows):
                        words[row] &= stay if flat[first + row] <= most else go
            for leaf in range(found):
                table[(_DE_BRUIJN << np.uint64(leaf)) >> _NAMED] = values[leaf]
            for row in range(rows):
                total[begin + row] += table[(words[row] * _DE_BRUIJN) >> _NAMED]
