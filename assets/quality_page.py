"""The page of Data Docs: answers of suites and checks as one HTML file.

Pure text from plain values: no script, no font, no picture from anywhere else, so that
it looks the same without a network. What it is given is `data_docs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ml.page_style import STYLE

Row = Mapping[str, Any]

_RANK = {"failed": 0, "warned": 1, "passed": 2, "no rows": 3}
_FILES = ("_source_file", "source_file")
_LINES = ("_row_number", "source_row_number")


def render(
    answers: Sequence[Row], checks: Sequence[Row] = (), *, market: str = ""
) -> str:
    """The page. `answers` are suites' as `data_docs.keep_answer` keeps them.

    `checks` are the last results of all asset checks: asset, check, outcome (passed,
    warned, failed), blocking, at, description.
    """
    ordered = sorted(answers, key=lambda one: (_RANK[_state(one)], one["suite"]))
    parts = [
        f"<header><p class=eyebrow>ausproperty · {escape(market)} market</p>",
        "<h1>Data Docs</h1>",
        (
            "<p class=lead>What the rules about rows last found: landings, prices, "
            "features, valuations. Rules of severity <em>error</em> stop what is "
            "downstream; <em>warn</em> stops nothing.</p>"
        ),
        _totals(answers),
        (
            "<nav><a href=#suites>Suites</a><a href=#checks>All checks</a>"
            "<a href=great_expectations/index.html>Great Expectations' pages</a>"
            "<a href=../dbt_docs/index.html>dbt docs</a></nav>"
            "<p class=facts>Great Expectations' pages come from its own renderer when "
            "<code>ausproperty docs</code> runs. Of themselves they fetch style, "
            "scripts and pictures from public networks, which ours never do; here they "
            "come without, in our style, with no search and no filter.</p></header>"
        ),
        "<main><h2 id=suites>Suites</h2>",
        _overview(ordered) if ordered else "<p>No suite has been judged yet.</p>",
        *map(_suite, ordered),
        _all_checks(checks),
        "</main>",
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>Data Docs · ausproperty</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _state(answer: Row) -> str:
    if not answer["results"]:
        return "no rows"
    if not answer["passed"]:
        return "failed"
    return "passed" if all(r["success"] for r in answer["results"]) else "warned"


def _totals(answers: Sequence[Row]) -> str:
    rules = [rule for answer in answers for rule in answer["results"]]
    broken = sum(not r["success"] and r["severity"] == "error" for r in rules)
    odd = sum(not r["success"] and r["severity"] == "warn" for r in rules)
    figures = (
        (len(answers), "suites", ""),
        (len(rules), "rules", ""),
        (broken, "broken", "failed" if broken else ""),
        (odd, "odd", "warned" if odd else ""),
    )
    cells = (
        f"<div class='figure {state}'><b>{number:,}</b><span>{word}</span></div>"
        for number, word, state in figures
    )
    return f"<div class=figures>{''.join(cells)}</div>"


def _overview(answers: Iterable[Row]) -> str:
    rows = []
    for answer in answers:
        held = sum(bool(rule["success"]) for rule in answer["results"])
        rows.append(
            f"<tr><td>{_badge(_state(answer))}</td>"
            f"<td><a href='#{escape(answer['suite'])}'>{escape(answer['suite'])}</a>"
            f"</td><td class=n>{held} of {len(answer['results'])}</td>"
            f"<td class=n>{answer['rows']:,}</td><td>{escape(answer['judged'])}</td>"
            f"<td>{_time(answer['judged_at'])}</td></tr>"
        )
    return _table(("", "suite", "#rules held", "#rows", "judged", "at"), rows)


def _suite(answer: Row) -> str:
    # What is broken comes first, then what is odd.
    rules = sorted(
        answer["results"], key=lambda r: (r["success"], r["severity"] != "error")
    )
    rows = [
        f"<tr><td>{_badge(_outcome(rule))}</td><td><code>{escape(rule['name'])}</code>"
        f"<p>{escape(rule['description'])}</p></td>"
        f"<td>{escape(rule['severity'])}</td><td class=n>{escape(rule['observed'])}"
        "</td></tr>"
        for rule in rules
    ]
    told = escape(answer["note"]) if answer["note"] else ""
    return (
        f"<section id='{escape(answer['suite'])}'><h3>{escape(answer['suite'])} "
        f"{_badge(_state(answer))}</h3><p class=facts><code>{escape(answer['table'])}"
        f"</code> · {answer['rows']:,} rows · {escape(answer['judged'])} · "
        f"{_time(answer['judged_at'])} · run <code>{escape(answer['run_id'][:8])}"
        f"</code> · {answer['seconds']:g} s</p>"
        + (f"<p>{told}</p>" if told else "")
        + (_table(("", "rule", "severity", "#found"), rows) if rows else "")
        + "".join(
            _sample(rule, answer.get("places", {}))
            for rule in rules
            if not rule["success"] and rule["sample"]
        )
        + "</section>"
    )


def _sample(rule: Row, places: Mapping[str, str]) -> str:
    """Failing rows of a rule, file and line first."""
    rows: Sequence[Row] = rule["sample"]
    names = list(rows[0])
    file = next((name for name in _FILES if name in names), None)
    line = next((name for name in _LINES if name in names), None)
    rest = [name for name in names if name not in (file, line)]
    titles = [*(["file"] if file else []), *(["#line"] if line else []), *rest]
    shown = []
    for row in rows:
        cells = []
        if file:
            cells.append(f"<td class=file>{_place(str(row[file]), places)}</td>")
        if line:
            cells.append(f"<td class=n>{escape(str(row.get(line, '')))}</td>")
        cells += [_value(row.get(name)) for name in rest]
        shown.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f"<details{' open' if rule['severity'] == 'error' else ''}><summary>"
        f"Rows that break <code>{escape(rule['name'])}</code></summary>"
        f"{_table(titles, shown)}</details>"
    )


def _place(file: str, places: Mapping[str, str]) -> str:
    """A source file; where its bytes lie on this machine, as a link to them."""
    place = places.get(file)
    if not place:
        return escape(file)
    address = place if "://" in place else f"file://{place}"
    return f"<a href='{escape(address)}' title='{escape(place)}'>{escape(file)}</a>"


def _all_checks(checks: Sequence[Row]) -> str:
    told = (
        "<p>Freshness, structure, reconciliation, dbt tests and suites, as Dagster "
        "last saw them. <code>ausproperty docs</code> brings this list up to date.</p>"
    )
    rows = [
        f"<tr><td>{_badge(one['outcome'])}</td><td><code>{escape(one['asset'])}</code>"
        f"</td><td>{escape(one['check'].replace('_', ' '))}"
        + (f"<p>{escape(one['description'])}</p>" if one["description"] else "")
        + f"</td><td>{'yes' if one['blocking'] else ''}</td>"
        f"<td>{_time(one['at'])}</td></tr>"
        for one in sorted(
            checks, key=lambda o: (_RANK[o["outcome"]], o["asset"], o["check"])
        )
    ]
    table = _table(("", "asset", "check", "blocking", "at"), rows) if rows else ""
    return (
        f"<section id=checks><h2>All checks ({len(rows)})</h2>{told}{table}</section>"
    )


def _outcome(rule: Row) -> str:
    if rule["success"]:
        return "passed"
    return "failed" if rule["severity"] == "error" else "warned"


def _badge(state: str) -> str:
    return f"<span class='badge {state.replace(' ', '-')}'>{state}</span>"


def _time(moment: str) -> str:
    day, clock = moment[:10], moment[11:16]
    return f"<time datetime='{escape(moment)}'>{escape(day)} {escape(clock)}</time>"


def _value(value: Any) -> str:
    if value is None:
        return "<td></td>"
    if isinstance(value, float):
        return f"<td>{value:,.6g}</td>"
    return f"<td>{escape(str(value))}</td>"


def _table(titles: Sequence[str], rows: Sequence[str]) -> str:
    """A table that scrolls by itself where it is wider than the page."""
    heads = "".join(
        f"<th class=n>{escape(t[1:])}</th>"
        if t.startswith("#")
        else f"<th>{escape(t.lstrip('_').replace('_', ' '))}</th>"
        for t in titles
    )
    return (
        f"<div class=scroll><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


_STYLE = (
    STYLE
    + """
nav{display:flex;gap:1.25rem}
th:first-child:empty{width:5.5rem}
time{white-space:nowrap}
td.file{word-break:break-all;min-width:14rem}
.no-rows.badge{color:var(--soft);background:var(--line)}
"""
)
