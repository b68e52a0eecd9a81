"""When a drop folder wants a run: a pure plan for the sensor that watches it.

Belongs here: cursor and files in, a run wanted and the next cursor out. Reading the
folder is `connectors.reaxml.drop`, loading it `reaxml` beside this module.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_CURSOR_VERSION = 1
#: A file still there after a run (it could not be read then) is tried again this often.
RETRY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class DropFact:
    """A file in the folder. `mark` changes when the file does."""

    name: str
    mark: str
    is_settled: bool


@dataclass(frozen=True, slots=True)
class WantedRun:
    """A run to ask for; the same key is asked for once."""

    run_key: str
    files: int


def plan_drop_folder(
    cursor: str | None, files: Sequence[DropFact], now: datetime
) -> tuple[WantedRun | None, str]:
    """One run for all settled files that none was asked for yet, or too long ago.

    The cursor holds the files that are there now with when a run was last asked for, so
    that it never outgrows the folder.
    """
    asked = _read(cursor)
    following: dict[str, dict[str, object]] = {}
    wanted: list[str] = []
    for file in files:
        before = asked.get(file.name, {})
        is_asked = before.get("mark") == file.mark
        at = float(str(before["at"])) if is_asked else None
        is_due = at is None or now.timestamp() - at >= RETRY_SECONDS
        if file.is_settled and is_due:
            wanted.append(f"{file.name}:{file.mark}")
            at = now.timestamp()
        if at is not None:
            following[file.name] = {"mark": file.mark, "at": at}
    text = json.dumps({"version": _CURSOR_VERSION, "files": following}, sort_keys=True)
    if not wanted:
        return None, text
    stamp = f"{now:%Y%m%dT%H%M%S}"
    return WantedRun(f"reaxml-drop-{stamp}-{len(wanted)}", len(wanted)), text


def _read(cursor: str | None) -> dict[str, dict[str, object]]:
    content = json.loads(cursor) if cursor else {}
    if content.get("version") != _CURSOR_VERSION:
        return {}
    files: dict[str, dict[str, object]] = content["files"]
    return files
