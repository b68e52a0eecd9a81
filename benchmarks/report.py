"""Figures and the table they are printed in. Measuring is elsewhere."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HEADINGS = (
    "benchmark",
    "figure",
    "ours",
    "peer or limit",
    "which is",
    "ratio",
    "beside it",
)


@dataclass(frozen=True)
class Figure:
    """One measured value beside what it is held against.

    `ours` and `peer` are in `unit`; `ratio` is ours to the peer's. `beside` holds what
    helps to read it (peak memory, CPU), by name with its unit, in print order.
    """

    name: str
    ours: float
    unit: str
    peer: float
    peer_name: str
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Ours to the peer's; NaN when the peer measured nothing."""
        return self.ours / self.peer if self.peer else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """For JSON, the ratio included."""
        return {**asdict(self), "ratio": round(self.ratio, 4)}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Figure:
        """Inverse of `as_dict`."""
        return Figure(**{k: v for k, v in values.items() if k != "ratio"})


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was then."""
    cores = os.cpu_count() or 1
    return {
        "processor": _processor(),
        "cores": cores,
        "memory_gib": round(_memory_kib() / 2**20, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 1),
    }


def machine_line(found: Mapping[str, Any], date: str) -> str:
    """The line under the table."""
    return (
        f"{date} · {found['processor']}, {found['cores']} cores, "
        f"{found['memory_gib']} GiB · {found['system']} · Python {found['python']} · "
        f"load before: {found['load_average']}"
    )


def render(figures: Mapping[str, Sequence[Figure]], footer: str) -> str:
    """A Markdown table of all figures by benchmark, and the line on the machine."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "| --- " * len(HEADINGS) + "|"]
    for benchmark, found in figures.items():
        for number, figure in enumerate(found):
            cells = (
                benchmark if number == 0 else "",
                figure.name,
                with_unit(figure.ours, figure.unit),
                with_unit(figure.peer, figure.unit),
                figure.peer_name,
                f"{figure.ratio:.2g}" if figure.ratio < 0.1 else f"{figure.ratio:.2f}",
                ", ".join(f"{name} {value}" for name, value in figure.beside.items()),
            )
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", footer])


def with_unit(value: float, unit: str) -> str:
    """Three digits that matter, thousands separated: `12,300 /s`, `0.52 s`."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_kib() -> int:
    try:
        first = Path("/proc/meminfo").read_text().split("\n", 1)[0]
        return int(first.split()[1])
    except (OSError, IndexError, ValueError):
        return 0
