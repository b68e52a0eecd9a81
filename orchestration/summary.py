"""The summary of a run: one dictionary for machines, one page for people.

The dictionary's keys are the documented output of `ausproperty run --json FILE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql
from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from assets import keys
from assets.builds import last_summary

_ENDINGS = ("loaded", "repeated", "rejected")
#: Seconds.
_WORTH_TELLING = 0.1
MARTS = ("properties", "sales", "price_history", "suburb_market")


def build_summary(
    conn: psycopg.Connection,
    metadata: Mapping[str, Mapping[str, Any]],
    checks: Mapping[str, int],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Everything a run did and what stands after it.

    `raw` counts what this run read of all sources (B records for PSI, rows for CSV),
    `landed` the same by table;
    `marts`, `predictions` and the model are what stands; `deliveries` counts all there
    are by outcome, and `sent` those this run delivered.
    """
    raw = {
        name: sum(
            int(shown.get("run_totals", {}).get(name, 0)) for shown in metadata.values()
        )
        for name in ("read", "loaded", "repeated", "rejected")
    }
    return {
        "raw": raw,
        "landed": {
            key.replace("/", "."): dict(shown["run_totals"])
            for key, shown in metadata.items()
            if shown.get("run_totals", {}).get("read")
        },
        "marts": {name: _count(conn, "marts", name) for name in MARTS},
        "checks": dict(checks),
        "model": _model(conn),
        "predictions": _count(conn, "ml", "current_predictions"),
        "refused": int(last_summary(conn, "score").get("refused", 0)),
        "deliveries": _deliveries(conn),
        "sent": int(
            metadata.get(keys.DELIVERIES.to_user_string(), {}).get("sent_now", 0)
        ),
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
    }


def sources_away(metadata: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sentences for people about sources this run could not read to the end.

    `metadata` is that of the landing assets. The run ends well without them, which
    would look as if they had been read.
    """
    tables: dict[tuple[str, str], list[str]] = {}
    for key, shown in metadata.items():
        status = str(shown.get("status", ""))
        if status.startswith(("stale", "parked")):
            told = (status.rstrip("."), str(shown.get("reason", "")))
            tables.setdefault(told, []).append(key.replace("/", "."))
    return [
        f"{', '.join(sorted(names))}: {status}. {reason}".rstrip()
        for (status, reason), names in tables.items()
    ]


def training_put_off(metadata: Mapping[str, Mapping[str, Any]]) -> str | None:
    """A sentence for people where the data changed and no training is due yet."""
    shown = metadata.get(keys.VALUATION_MODEL.to_user_string(), {})
    if shown.get("status") != "not due":
        return None
    return f"no training is due yet: {shown['why']}"


def refused_files(
    conn: psycopg.Connection, seconds: float, limit: int = 10
) -> list[str]:
    """Sentences for people about what was refused in the last `seconds`.

    Whole files by name; what waits from before is for `ausproperty rejects list`.
    """
    files = conn.execute(
        "select source_file, coalesce(reason, '') from ops.source_files "
        "where status = 'refused' and loaded_at >= now() - make_interval(secs => %s) "
        "order by loaded_at desc, source_file",
        [seconds],
    ).fetchall()
    notes = [f"refused {name}: {reason}" for name, reason in files[:limit]]
    if len(files) > limit:
        notes.append(f"and {len(files) - limit:,} more refused files")
    notes.append("raw.rejects names file, line, field, reason and fix of each refusal")
    return notes


def _count(conn: psycopg.Connection, schema: str, table: str) -> int:
    row = conn.execute(
        "select to_regclass(%s) is not null", [f"{schema}.{table}"]
    ).fetchone()
    if row is None or not row[0]:
        return 0
    name = sql.Identifier(schema, table)
    counted = conn.execute(sql.SQL("select count(*) from {}").format(name)).fetchone()
    return int(counted[0]) if counted else 0


def _model(conn: psycopg.Connection) -> dict[str, Any]:
    row = conn.execute("select summary from ops.builds where name = 'train'").fetchone()
    trained = row[0] if row else {}
    champion = conn.execute(
        "select to_version, action, actor, reason from ml.model_promotions "
        "order by promotion_id desc limit 1"
    ).fetchone()
    return {
        "version": trained.get("version"),
        "metrics": trained.get("metrics", {}),
        "baseline": trained.get("baseline", {}),
        "candidate": trained.get("candidate"),
        "decision": (
            dict(zip(("version", "action", "actor", "reason"), champion, strict=True))
            if champion
            else None
        ),
    }


def _deliveries(conn: psycopg.Connection) -> dict[str, int]:
    found: dict[str, int] = dict(
        conn.execute("select status, count(*) from delivery.deliveries group by 1")
    )
    return {
        status: int(found.get(status, 0))
        for status in ("delivered", "pending", "failed", "dead")
    }


def render(
    console: Console,
    summary: Mapping[str, Any],
    *,
    title: str,
    notes: list[str],
    where_next: list[str],
    is_landing: bool = False,
) -> None:
    """Print the summary page; after a landing alone, by table and no further."""
    raw = summary["raw"]
    rows = Table.grid(padding=(0, 2))
    rows.add_column(justify="left", style="bold")
    rows.add_column(justify="left")
    rows.add_row(
        "raw",
        _counts(raw),
    )
    if is_landing:
        for table, counts in summary["landed"].items():
            said = [f"{counts[name]:,} {name}" for name in _ENDINGS if counts[name]]
            rows.add_row("", f"{table}: {', '.join(said)}")
    else:
        marts = "  ".join(f"{k} {v:,}" for k, v in summary["marts"].items())
        rows.add_row("marts", marts)
    checks = summary["checks"]
    rows.add_row(
        "checks",
        f"{checks['passed']} passed  {checks['warned']} warned  "
        f"{checks['failed']} failed",
    )
    if not is_landing:
        _add_outcome(rows, summary)
    # What took no time to speak of is not spoken of.
    stages = "  ".join(
        f"{k} {v:.1f}"
        for k, v in summary["seconds"].items()
        if k != "total" and v >= _WORTH_TELLING
    )
    rows.add_row(
        "seconds", f"{stages}  [bold]total {summary['seconds']['total']:.1f}[/]"
    )
    for note in notes:
        rows.add_row("note", escape(note))
    for line in where_next:
        rows.add_row("next", line)
    console.print(Panel(Group(rows), title=title, title_align="left", expand=False))


def _counts(counts: Mapping[str, int]) -> str:
    return (
        f"{counts['read']:,} read = {counts['loaded']:,} loaded + "
        f"{counts['repeated']:,} repeated + {counts['rejected']:,} rejected"
    )


def _add_outcome(rows: Table, summary: Mapping[str, Any]) -> None:
    """What came of the data: model, predictions, deliveries."""
    rows.add_row("model", _model_line(summary["model"]))
    refused = summary["refused"]
    rows.add_row(
        "predictions",
        f"{summary['predictions']:,} properties valued"
        + (f", {refused:,} refused for want of evidence" if refused else ""),
    )
    rows.add_row(
        "deliveries",
        "  ".join(f"{v:,} {k}" for k, v in summary["deliveries"].items()),
    )


def _model_line(model: Mapping[str, Any]) -> str:
    if not model["version"]:
        return "none yet"
    metrics, baseline = model["metrics"], model["baseline"]
    line = f"property_valuation v{model['version']} ({model['candidate']})"
    shown = (
        ("mdape", "MdAPE", ".1f", " %"),
        ("pe10", "PE10", ".1f", " %"),
        ("r2", "R2", ".2f", ""),
    )
    parts = [
        f"{label} {metrics[name]:{form}}{unit} v. {baseline[name]:{form}}{unit} naive"
        for name, label, form, unit in shown
        if name in metrics and name in baseline
    ]
    line += "".join(f"\n{part}" for part in parts)
    if model["decision"]:
        decision = model["decision"]
        line += f"\n{decision['action']} by {decision['actor']}: {decision['reason']}"
    return line
