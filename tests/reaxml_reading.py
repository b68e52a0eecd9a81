"""REAXML files read without a database, their rows taken apart, for tests."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.reaxml import ReaxmlContainer
from connectors.reaxml.parse import ROW_COLUMNS
from domain.records import Reject
from tests.reaxml_samples import drop


@dataclass
class Outcome:
    """What became of one file."""

    rows: list[dict[str, Any]]
    rejects: list[Reject]
    refusals: list[Reject]
    read: int
    counts: dict[str, int]
    unknown: set[str]


def unescape(cell: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), cell)


def split(row: str) -> list[str]:
    return [unescape(cell) for cell in re.findall(r"(?:^|;)((?:[^\\;]|\\.)*)", row)]


def read(path: Path) -> Outcome:
    out = Outcome([], [], [], 0, {}, set())
    for file in ReaxmlContainer.of(path).files():
        if file.refusal is not None:
            out.refusals.append(file.refusal)
        for batch in file.batches():
            assert len(batch.rows) == len(batch.hashes)
            out.read += batch.read
            out.rejects += batch.rejects
            for text in batch.rows:
                row = dict(zip(ROW_COLUMNS, split(text), strict=True))
                for name in ("patch", "readings", "notes"):
                    row[name] = json.loads(row[name])
                out.rows.append(row)
        out.counts |= file.record_counts
        fields = file.fields_seen()
        out.unknown |= fields.unknown if fields else set()
    assert out.read == len(out.rows) + len(out.rejects)
    return out


def read_text(tmp_path: Path, text: str | bytes, name: str = "feed.xml") -> Outcome:
    return read(drop(tmp_path, name, text))
