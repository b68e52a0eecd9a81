"""Great Expectations' pages made to stand alone: text to text.

As they are built they fetch style, scripts and pictures from public networks, and draw
the tables of their index with those. Here they lose all that, take a style sheet of
ours, and the index has its tables written out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

#: What draws or fetches, and what works by script alone. (HTML of a generator, whose
#: elements of these kinds do not nest.)
_AWAY = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>"
    r"|<button\b.*?</button>",
    re.DOTALL | re.IGNORECASE,
)
_EMPTY_TABLE = re.compile(r"<table\b[^>]*>\s*</table>", re.DOTALL)
_HEAD_ENDS = "</head>"
#: What their sheets did that a reader would miss.
_STYLE = """
body{padding:1rem 1.5rem 3rem}
.row{display:block}.card{border:0}.card-body{padding:0}
nav ol,nav ul{list-style:none;padding:0;display:flex;gap:.25rem 1rem;flex-wrap:wrap}
[role=tablist],.btn-group,.card:has(.btn-group),.cooltip .top{display:none}
.alert{margin:1.5rem 0 .5rem}h5,h6{font-size:1rem;margin:0}
.navbar{height:auto!important}
table{max-width:72rem;margin-bottom:1.5rem}
td,th{padding:.3rem .75rem .3rem 0;vertical-align:top}
.fa-check-circle::before{content:"held";color:var(--ok);font-style:normal}
.fa-times::before,
.fa-times-circle::before{content:"failed";color:var(--bad);font-style:normal}
.fa-exclamation-triangle::before{content:"error";color:var(--bad)}
.fas::before{font-style:normal}
"""


@dataclass(frozen=True)
class IndexRow:
    """A suite on the index: links are relative to it.

    ``held`` of ``rules``; ``validation`` and ``judged_at`` are None where the suite was
    not judged yet.
    """

    suite: str
    table: str
    page: str
    validation: str | None = None
    judged_at: str | None = None
    held: int = 0
    rules: int = 0


def standalone(page: str, style: str) -> str:
    """A page without anything from elsewhere, with a style sheet of ours."""
    kept = _AWAY.sub("", page)
    return kept.replace(_HEAD_ENDS, f"<style>{style}{_STYLE}</style>{_HEAD_ENDS}", 1)


def standalone_index(page: str, style: str, rows: Sequence[IndexRow]) -> str:
    """The index: its two tables, of results and of suites, written out."""
    found = iter([_results(rows), _suites(rows)])
    written = _EMPTY_TABLE.sub(lambda _: next(found, ""), page)
    home = '<body><p><a href="../index.html">Data Docs of ausproperty</a></p>'
    return standalone(written.replace("<body>", home, 1), style)


def _results(rows: Sequence[IndexRow]) -> str:
    cells = [
        (
            _icon(held=row.held == row.rules),
            escape(row.judged_at or ""),
            _link(row.validation, row.suite),
            f"{row.held} of {row.rules}",
        )
        for row in rows
        if row.validation
    ]
    return _table(("Status", "Judged", "Validation result", "Rules held"), cells)


def _suites(rows: Sequence[IndexRow]) -> str:
    cells = [
        (
            _link(row.page, row.suite),
            f"<code>{escape(row.table)}</code>",
            "" if row.validation else "not judged yet",
        )
        for row in rows
    ]
    return _table(("Expectation suite", "Table", ""), cells)


def _icon(*, held: bool) -> str:
    """As Great Expectations marks a rule, so that one style serves both."""
    return f'<i class="fas fa-{"check-circle" if held else "times"}"></i>'


def _link(address: str | None, text: str) -> str:
    return f'<a href="{escape(address or "", quote=True)}">{escape(text)}</a>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
