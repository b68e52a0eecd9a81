"""Pieces that pages of ours are made of: sections, tables, badges, as HTML text.

Elsewhere: how they look (``page_style``), what is told (``review_report``).
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any


def section(title: str, content: str) -> str:
    """A card with a heading; ``content`` is HTML."""
    return f"<section><h2>{html.escape(title)}</h2>{content}</section>"


def listed(items: Iterable[str]) -> str:
    """A list; the items are HTML."""
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[int] = (),
    marked: Iterable[int] = (),
) -> str:
    """A table; columns ``numbers`` are right-aligned, ``marked`` are HTML already."""
    right, raw = set(numbers), set(marked)

    def cell(tag: str, at: int, text: str) -> str:
        shown = text if at in raw and tag == "td" else html.escape(text)
        return f"<{tag}{' class=n' if at in right else ''}>{shown}</{tag}>"

    head = "".join(cell("th", at, text) for at, text in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(cell("td", at, text) for at, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f"<div class='scroll'><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def badge(good: bool, yes: str = "held", no: str = "failed") -> str:
    """A coloured word."""
    name, word = ("passed", yes) if good else ("failed", no)
    return f"<span class='{name} badge'>{word}</span>"


def aud(value: float) -> str:
    """Dollars with thousands apart."""
    return f"{value:,.0f}"


def suburb(key: Any) -> str:
    """`VIC|NORTH MELBOURNE` as people write it."""
    state, _, name = str(key).partition("|")
    return f"{name.title()} {state}" if name else state
