"""The rule of folding REAXML records, written the slow way: one record after another.

The warehouse folds in SQL, all records at once; tests hold it to this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

STATUSES = ("current", "offmarket", "withdrawn", "leased", "sold")


@dataclass(frozen=True)
class Record:
    """One row of raw.reaxml__listings."""

    mod_time: Any
    status: str | None
    patch: dict[str, Any]
    row_hash: str


def order_of(record: Record) -> tuple[Any, int, int, str]:
    """What records are applied by."""
    known = record.status in STATUSES
    rank = STATUSES.index(record.status) + 1 if known and record.status else 0
    return record.mod_time, rank, -len(record.patch), record.row_hash


def fold(records: Iterable[Record]) -> dict[str, Any]:
    """Path: value of what holds after all records, in any order of arrival."""
    state: dict[str, Any] = {}
    for record in sorted(records, key=order_of):
        for key in record.patch:
            below = (f"{key}/", f"{key}@", f"{key}[")
            for path in list(state):
                is_below = path.startswith(below) and not path.endswith("@display")
                if path == key or is_below:
                    del state[path]
        said = {
            path: value for path, value in record.patch.items() if value is not None
        }
        state.update(said)
    return state
