"""A suggestion as YAML that a person can read, correct and use.

Belongs here: the text of the file, with reasons as comments. Its content is `proposal`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from connectors.csv_mapping.suggest.proposal import Suggestion

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./ -]*[A-Za-z0-9_]|[A-Za-z]")
_WIDTH = 88
_HEAD = (
    *("name", "version", "description", "identifying"),
    *("file", "null_tokens", "constants"),
)


def write_yaml(suggestion: Suggestion) -> Suggestion:
    """The suggestion with its `text`."""
    content = suggestion.content
    part = "all" if suggestion.is_complete else "the first"
    lines = [
        (
            f"# Proposed from {_comment(suggestion.path.name)}: {part} "
            f"{suggestion.row_count:,} rows looked at."
        ),
        "# The number beside each column says how sure the proposal is, from 0 to 1.",
        "# Try it: ausproperty mapping check FILE --mapping THIS_FILE",
        *(f"# Note: {_comment(note)}" for note in suggestion.notes),
    ]
    lines += [f"{key}: {_value(content[key])}" for key in _HEAD if key in content]
    lines += ["", "columns:"]
    for column in suggestion.columns:
        lines.append(f"  # {column.confidence:.2f} {_comment(column.reason)}")
        if column.alternatives:
            others = ", ".join(
                f"{name} {score:.2f}" for name, score in column.alternatives
            )
            lines.append(f"  # or: {_comment(others)}")
        lines += _entry(column.canonical, column.spec)
    if "sale_methods" in content:
        lines += ["", "sale_methods:"]
        for key, codes in content["sale_methods"].items():
            lines.append(f"  {key}: {_value(codes)}")
    for key, items, comment in (
        ("unmapped", suggestion.unmapped, "Kept in extra as they are."),
        ("ignored", suggestion.ignored, "Say nothing about a sale."),
    ):
        if key in content:
            lines += ["", f"# {comment}", f"{key}:"]
            for item in items:
                note = f"  # {_comment(item.note)}" if item.note else ""
                lines.append(f"  - {_value(item.name)}{note}")
    return replace(suggestion, text="\n".join(lines) + "\n")


def _entry(name: str, spec: dict[str, Any]) -> list[str]:
    line = f"  {name}: {_value(spec)}"
    if len(line) <= _WIDTH:
        return [line]
    return [
        f"  {name}:",
        *(f"    {key}: {_value(value)}" for key, value in spec.items()),
    ]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(
            f"{_value(key)}: {_value(item)}" for key, item in value.items()
        )
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return _text(str(value))


def _text(text: str) -> str:
    reserved = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
    if _PLAIN.fullmatch(text) and text.casefold() not in reserved:
        return text
    quoted: str = yaml.safe_dump(
        text, default_style='"', allow_unicode=True, width=float("inf")
    )
    return quoted.strip()


def _comment(text: str) -> str:
    """Text that cannot end the comment."""
    return "".join(char if char.isprintable() else " " for char in text)
