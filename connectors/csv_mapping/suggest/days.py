"""In which forms a column writes its dates, settled over the whole sample.

Belongs here: trying the forms, and telling day from month. Reading single dates is
`dates`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from connectors.csv_mapping.dates import date_reader
from connectors.csv_mapping.suggest.profile import Profile

#: Forms with the shapes they may have; digits as wide as written forms have them.
_FORMS: tuple[tuple[str, str], ...] = (
    ("yyyy-MM-dd", r"\d{4}-\d{1,2}-\d{1,2}"),
    ("d/M/yyyy", r"\d{1,2}/\d{1,2}/\d{4}"),
    ("M/d/yyyy", r"\d{1,2}/\d{1,2}/\d{4}"),
    ("yyyyMMdd", r"(19|20)\d{6}"),
    ("yyyyMMddTHHmmss", r"\d{8}T\d{6}"),
    ("yyyy/MM/dd", r"\d{4}/\d{1,2}/\d{1,2}"),
    ("d-M-yyyy", r"\d{1,2}-\d{1,2}-\d{4}"),
    ("M-d-yyyy", r"\d{1,2}-\d{1,2}-\d{4}"),
    ("d.M.yyyy", r"\d{1,2}\.\d{1,2}\.\d{4}"),
    ("d/M/yy", r"\d{1,2}/\d{1,2}/\d{2}"),
    ("M/d/yy", r"\d{1,2}/\d{1,2}/\d{2}"),
    ("d-MMM-yyyy", r"\d{1,2}-[A-Za-z]{3,4}\.?-\d{4}"),
    ("d-MMM-yy", r"\d{1,2}-[A-Za-z]{3,4}\.?-\d{2}"),
    ("d MMM yyyy", r"\d{1,2}\s+[A-Za-z]{3,4}\.?\s+\d{4}"),
    ("d MMMM yyyy", r"\d{1,2}\s+[A-Za-z]{3,9}\s+\d{4}"),
    ("MMM d, yyyy", r"[A-Za-z]{3,4}\s+\d{1,2},\s+\d{4}"),
    ("MMMM d, yyyy", r"[A-Za-z]{3,9}\s+\d{1,2},\s+\d{4}"),
    ("d/MMM/yyyy", r"\d{1,2}/[A-Za-z]{3}/\d{4}"),
    ("MMM-yyyy", r"[A-Za-z]{3}-\d{4}"),
    ("MMM yyyy", r"[A-Za-z]{3}\s+\d{4}"),
)
_TAIL = r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*([ap]m)?\s*(Z|[-+]\d{2}:?\d{2})?)?"
_SHAPES = {form: re.compile(shape + _TAIL, re.IGNORECASE) for form, shape in _FORMS}
#: Forms that the same text may have; the first is the Australian one.
_RIVALS = (("d/M/yyyy", "M/d/yyyy"), ("d-M-yyyy", "M-d-yyyy"), ("d/M/yy", "M/d/yy"))
_EXCEL = ("excel_serial", 25_000, 80_000)
_MOST = 3_000


@dataclass(frozen=True, slots=True)
class DateForms:
    """Forms in which a column writes dates, the share they read, and what decided."""

    formats: tuple[str, ...]
    share: float
    reason: str
    is_ambiguous: bool = False
    first: date | None = None
    last: date | None = None


def date_forms(profile: Profile, last_day: date) -> DateForms | None:
    """The forms of a column's dates; None if most of its values are none."""
    texts = [text for text, _ in profile.counts.most_common(_MOST)]
    if not texts or len(texts[0]) > 40:
        return None
    reads: dict[str, dict[str, date]] = {}
    for form, shape in _SHAPES.items():
        read = date_reader([form])
        found = {
            text: day
            for text in texts
            if shape.fullmatch(text) and (day := read(text)) is not None
        }
        plausible = {
            t: d for t, d in found.items() if date(1850, 1, 1) <= d <= last_day
        }
        if plausible:
            reads[form] = plausible
    reason, is_ambiguous = _settle_rivals(reads, profile)
    formats = _cover(reads)
    read_texts = set().union(*(reads[form] for form in formats)) if formats else set()
    rows = sum(profile.counts[text] for text in read_texts)
    total = sum(profile.counts[text] for text in texts)
    if rows < 0.6 * total:
        return None
    days = [day for form in formats for day in reads[form].values()]
    return DateForms(formats, rows / total, reason, is_ambiguous, min(days), max(days))


def serial_forms(profile: Profile, last_day: date) -> DateForms | None:
    """Days kept as Excel's numbers; only a name can tell them from other numbers."""
    form, low, high = _EXCEL
    if not profile.is_numeric or profile.within(low, high) < 0.99:
        return None
    read = date_reader([form])
    days = [day for text in profile.counts if (day := read(text)) is not None]
    if not days or max(days) > last_day:
        return None
    reason = "numbers of days as Excel keeps dates"
    return DateForms((form,), 0.9, reason, first=min(days), last=max(days))


def _cover(reads: dict[str, dict[str, date]]) -> tuple[str, ...]:
    """The fewest forms that read all there is to read, the commonest first."""
    left = set().union(*reads.values()) if reads else set()
    chosen: list[str] = []
    while left:
        form = max(reads, key=lambda form: len(left & reads[form].keys()))
        gained = left & reads[form].keys()
        chosen.append(form)
        left -= gained
    return tuple(chosen)


def _settle_rivals(
    reads: dict[str, dict[str, date]], profile: Profile
) -> tuple[str, bool]:
    """Drop the form that is wrong about day and month; say what decided."""
    reason, is_ambiguous = "dates of one form", False
    for first, second in _RIVALS:
        if first not in reads or second not in reads:
            continue
        days, months = reads[first], reads[second]
        if len(days) > len(months):
            only = next(text for text in days if text not in months)
            reads.pop(second)
            reason = f"day before month: {only} has no other reading"
        elif len(months) > len(days):
            only = next(text for text in months if text not in days)
            reads.pop(first)
            reason = f"month before day: {only} has no other reading"
        else:
            loser, reason, is_ambiguous = _by_order(first, second, reads, profile)
            reads.pop(loser)
    return reason, is_ambiguous


def _by_order(
    first: str, second: str, reads: dict[str, dict[str, date]], profile: Profile
) -> tuple[str, str, bool]:
    """Both forms read every value: the one in which rows are in order, else ours."""
    rising = {
        form: _order(
            [reads[form][text] for text in profile.values if text in reads[form]]
        )
        for form in (first, second)
    }
    if abs(rising[first] - rising[second]) > 0.1:
        better, loser = (
            (first, second) if rising[first] > rising[second] else (second, first)
        )
        return loser, f"{better}: only so are the rows in order of time", False
    return (
        second,
        "no day above 12 in the sample: day before month, as usual here",
        True,
    )


def _order(days: Sequence[date]) -> float:
    """How far days are in order, rising or falling: 1 for wholly."""
    steps = [(a, b) for a, b in pairwise(days) if a != b]
    if len(steps) < 5:
        return 0.0
    rising = sum(a < b for a, b in steps) / len(steps)
    return max(rising, 1 - rising)
