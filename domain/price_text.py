"""What a price written in words says: `$1.2M - $1.3M`, `Offers over 900k`, `SOLD`.

Belongs here: reading one text to bounds, a kind and how sure the reading is. It never
guesses: what does not name an amount has none. Plain numbers in data files are the
connectors' own affair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

PriceKind = Literal[
    "exact", "range", "from", "up_to", "around", "rent", "withheld", "auction", "sold",
    "contact", "unreadable",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class PriceText:
    """Bounds in whole dollars (None: not named), kind, and confidence from 0 to 1."""

    low: int | None
    high: int | None
    kind: PriceKind
    confidence: float


_AMOUNT = re.compile(
    r"(?P<vague>early|low|mid|high|late)?[\s-]*"
    r"(?P<dollar>a?u?\$|aud)?\s*"
    r"(?P<number>\d{1,3}(?:[, ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"\s*(?P<unit>million|mill?|m|k|thousand)?(?P<plural>'?s)?(?![\w.]*\d|[a-z])",
    re.IGNORECASE,
)
_FACTORS = {"k": 1_000, "t": 1_000, "m": 1_000_000}
_RENT = re.compile(
    r"\b(p\.?\s?w\.?|p\.?c\.?m\.?|per (week|month)|weekly|pw)(?!\w)|/\s*w(ee)?k",
    re.IGNORECASE,
)
_FROM = re.compile(
    r"\b(offers?\s+(over|above|from)|from|over|above|plus|o/o|starting)\b|\+\s*$",
    re.IGNORECASE,
)
_UP_TO = re.compile(r"\b(up to|under|below|max(imum)?)\b", re.IGNORECASE)
_AROUND = re.compile(
    r"\b(around|about|approx\w*|circa|guide|neg\w*|c\.|expect\w*)", re.IGNORECASE
)
_WORDS: tuple[tuple[PriceKind, re.Pattern[str]], ...] = (
    (
        "withheld",
        re.compile(r"withheld|undisclosed|not disclosed|suppressed", re.IGNORECASE),
    ),
    ("sold", re.compile(r"\b(sold|leased|under (offer|contract))\b", re.IGNORECASE)),
    (
        "auction",
        re.compile(r"\bauction|\btender\b|\bexpressions? of interest\b", re.IGNORECASE),
    ),
    (
        "contact",
        re.compile(
            r"\b(contact|call|enquire|inquire|poa|price on|by neg)", re.IGNORECASE
        ),
    ),
)
_LEAST = 1_000


def read_price_text(text: str) -> PriceText:
    """Read a price as agents write it. A week's rent is never a price."""
    plain = " ".join(text.replace("\u2013", "-").replace("\u2019", "'").split())
    if _RENT.search(plain):
        return PriceText(None, None, "rent", 0.9)
    amounts = _amounts(plain)
    if not amounts:
        for kind, words in _WORDS:
            if words.search(plain):
                return PriceText(None, None, kind, 0.9)
        return PriceText(None, None, "unreadable", 0.0)
    if len(amounts) > 2:
        return PriceText(None, None, "unreadable", 0.0)
    if len(amounts) == 2:
        low, high = amounts
        if low >= high:
            return PriceText(None, None, "unreadable", 0.0)
        return PriceText(low, high, "range", 0.9)
    (amount,) = amounts
    if _is_vague(plain):
        return PriceText(None, None, "around", 0.3)
    if _FROM.search(plain):
        return PriceText(amount, None, "from", 0.8)
    if _UP_TO.search(plain):
        return PriceText(None, amount, "up_to", 0.8)
    if _AROUND.search(plain) or _WORDS[2][1].search(plain):
        return PriceText(amount, amount, "around", 0.5)
    is_bare = (
        re.fullmatch(r"[\s$a-z]{0,4}[\d,. ]+\s*[a-z]{0,8}", plain, re.IGNORECASE)
        is not None
    )
    return PriceText(amount, amount, "exact", 1.0 if is_bare else 0.6)


def _amounts(text: str) -> list[int]:
    """Amounts in dollars; a unit after the second of two stands for both."""
    found = []
    for match in _AMOUNT.finditer(text):
        unit = (match["unit"] or "").lower()[:1]
        found.append((Decimal(re.sub(r"[, ]", "", match["number"])), unit, match))
    if len(found) == 2 and not found[0][1] and found[1][1] and found[0][0] < 100_000:
        found[0] = (found[0][0], found[1][1], found[0][2])
    amounts = [int(number * _FACTORS.get(unit, 1)) for number, unit, _ in found]
    # House numbers and bedrooms in the text are no prices.
    return [amount for amount in amounts if amount >= _LEAST]


def _is_vague(text: str) -> bool:
    """`High $800,000's` names a hundred thousand dollars' range, not an amount."""
    return any(
        match["vague"] or match["plural"]
        for match in _AMOUNT.finditer(text)
        if match["number"]
    )
