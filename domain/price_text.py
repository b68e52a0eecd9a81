"""What a price written in words says: `$1.2M - $1.3M`, `Offers over 900k`, `SOLD`.

Belongs here: reading one text to bounds, a kind and how sure the reading is. It never
guesses: what does not name an amount has none, and what can be read in two ways is
unreadable. Elsewhere: the words themselves (`price_words`); plain numbers in data files
are the connectors' own affair.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from domain import price_words as words

#: Raise it when a text may now be read differently: all texts are read again.
RULE_VERSION: Final = 1

PriceKind = Literal[
    "exact", "range", "from", "up_to", "around", "rent", "withheld", "auction",
    "offers", "sold", "under_offer", "contact", "unreadable",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class PriceText:
    """Bounds in whole dollars (None: not named), kind, and confidence from 0 to 1.

    `exact`, `range`, `from`, `up_to` and `around` are asking prices. `sold` may bear
    the price it sold for. `rent` is dollars a week, never a price.
    """

    low: int | None
    high: int | None
    kind: PriceKind
    confidence: float


_UNREADABLE: Final = PriceText(None, None, "unreadable", 0.0)
_LEAST: Final = 1_000
_LEAST_BARE: Final = 10_000
_MOST: Final = 500_000_000
_PLACEHOLDER: Final = re.compile(r"9{7,}")
_FACTORS: Final = {"k": 1_000, "t": 1_000, "m": 1_000_000}
_AMOUNT: Final = re.compile(
    r"(?<![\w.,$/])"
    r"(?:(?P<vague>early|low|lower|mid|middle|high|higher|upper|late)[\s-]*)?"
    r"(?P<dollar>a?u?d?\s?\$|aud)?\s*"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d{1,3}(?: \d{3})+|\d+(?:\.\d+)?)"
    r"(?![\d,.]*\d| \d{3}(?!\d))"
    r"\s*(?P<unit>millions?|mill?|mio|mln|m|k|thousands?|thou)?(?P<plural>'?s)?"
    r"(?![a-z\d]|'[a-z\d])"
)
_MONEY_SIGN: Final = re.compile(r"\$\s*[\d.,]")
_WORDS: Final[tuple[tuple[PriceKind, re.Pattern[str]], ...]] = (
    ("sold", words.SOLD),
    ("under_offer", words.UNDER_OFFER),
    ("auction", words.AUCTION),
    ("offers", words.OFFERS),
    ("contact", words.CONTACT),
)
_WEEKS: Final = {"w": Decimal(1), "m": Decimal(12) / 52, "a": Decimal(1) / 52}
_RENT_RANGE: Final = (50, 50_000)


@dataclass(frozen=True, slots=True)
class _Amount:
    """A number that may be money: its place, value and how it was written."""

    start: int
    end: int
    value: Decimal
    unit: str
    has_sign: bool
    is_vague: bool
    is_plural: bool
    weeks: Decimal | None = None

    @property
    def dollars(self) -> int:
        return int(self.value * _FACTORS.get(self.unit, 1))

    @property
    def step(self) -> int:
        """What a plural leaves open: `$800,000's` names a hundred thousand dollars."""
        digits = self.value.normalize().as_tuple()
        size = Decimal(10) ** int(digits.exponent) * _FACTORS.get(self.unit, 1)
        return int(size)


def read_price_text(text: str) -> PriceText:
    """Read a price as agents write it. Never raises; a week's rent is never a price."""
    plain = _plain(text)
    if words.WITHHELD.search(plain):
        return PriceText(None, None, "withheld", 0.9)
    masked = plain
    for pattern in words.NO_MONEY:
        masked = pattern.sub(lambda found: " " * len(found[0]), masked)
    amounts = _amounts(masked)
    if amounts is None:
        return _UNREADABLE
    amounts = _with_rents(masked, amounts)
    prices = [amount for amount in amounts if amount.weeks is None]
    if not prices and (len(amounts) > 0 or words.RENT.search(plain)):
        return _rent(masked, amounts)
    if not prices:
        return _without_amount(plain)
    return _priced(masked, prices, has_rent=len(prices) < len(amounts))


def _plain(text: str) -> str:
    """Lower case, one kind of dash, quote and space; digits as ASCII."""
    plain = unicodedata.normalize("NFKC", text).lower()
    plain = re.sub(r"[\u2010-\u2015\u2212]", "-", plain)
    plain = re.sub(r"[\u2018\u2019\u02bc\u0060\u00b4]", "'", plain)
    plain = "".join(
        str(unicodedata.digit(sign)) if sign.isdigit() and not sign.isascii() else sign
        for sign in plain
    )
    return " ".join(plain.split())


def _without_amount(plain: str) -> PriceText:
    for kind, pattern in _WORDS:
        if pattern.search(plain):
            return PriceText(None, None, kind, 0.9)
    return _UNREADABLE


def _amounts(masked: str) -> list[_Amount] | None:
    """Amounts of money in the text; None where one of them cannot be made out."""
    rest = words.KNOWN.sub("", _AMOUNT.sub(" ", masked))
    found: list[_Amount] = []
    for match in _AMOUNT.finditer(masked):
        amount = _Amount(
            match.start("dollar") if match["dollar"] else match.start("number"),
            match.end(),
            Decimal(re.sub(r"[, ]", "", match["number"])),
            (match["unit"] or "")[:1],
            has_sign=match["dollar"] is not None,
            is_vague=match["vague"] is not None,
            is_plural=match["plural"] is not None,
        )
        if amount.has_sign or _is_money(amount, "," in match["number"], bool(rest)):
            found.append(replace(amount, start=match.start()))
    signs = sum("$" in masked[amount.start : amount.end] for amount in found)
    return found if signs == len(_MONEY_SIGN.findall(masked)) else None


def _is_money(amount: _Amount, has_commas: bool, has_other_words: bool) -> bool:
    """Whether a number without a dollar sign is money."""
    if amount.unit == "m":
        # 50m is a distance.
        return amount.value < 20 and (amount.value % 1 != 0 or not has_other_words)
    if amount.unit:
        return amount.value >= 50
    if amount.is_plural:
        return amount.is_vague and amount.value >= 100
    if has_commas:
        return amount.value >= _LEAST_BARE
    return amount.value >= _LEAST_BARE and not has_other_words


def _with_rents(masked: str, amounts: list[_Amount]) -> list[_Amount]:
    """Amounts with the weeks they are for, where a period stands behind them."""
    tagged: list[_Amount] = []
    for amount in reversed(amounts):
        weeks = None
        if match := words.RENT_AFTER.match(masked, amount.end):
            period = (match["word"] or match["short"]).replace(" ", "").replace(".", "")
            is_year = period in ("annum", "year", "pa")
            letter = "a" if is_year else "m" if "m" in period else "w"
            weeks = _WEEKS[letter]
        elif tagged and tagged[-1].weeks is not None:
            # $600 - $650 pw
            between = masked[amount.end : tagged[-1].start]
            weeks = tagged[-1].weeks if words.BETWEEN.fullmatch(between) else None
        tagged.append(replace(amount, weeks=weeks))
    return tagged[::-1]


def _rent(masked: str, amounts: list[_Amount]) -> PriceText:
    rents = [round(amount.dollars * (amount.weeks or 1)) for amount in amounts]
    least, most = _RENT_RANGE
    if not rents or len(rents) > 2 or not all(least <= rent <= most for rent in rents):
        return PriceText(None, None, "rent", 0.9)
    low, high = rents[0], rents[-1]
    if low > high or (len(rents) == 2 and not _is_range(masked, amounts)):
        return PriceText(None, None, "rent", 0.9)
    is_from = len(rents) == 1 and _is_from(masked, amounts[0])
    return PriceText(low, None if is_from else high, "rent", 0.9)


def _priced(masked: str, prices: list[_Amount], has_rent: bool) -> PriceText:
    prices = _with_shared_unit(prices)
    if words.DISTRACTING.search(masked) or len(prices) > 2:
        return _UNREADABLE
    for amount in prices:
        if not _is_plausible(amount) or _is_not_price(masked, amount):
            return _UNREADABLE
    rest = words.KNOWN.sub("", _AMOUNT.sub(" ", masked))
    found = (
        _one(masked, prices[0], bool(rest))
        if len(prices) == 1
        else _two(masked, prices, bool(rest))
    )
    if words.SOLD.search(masked) and found.kind != "unreadable":
        found = replace(found, kind="sold")
    if has_rent:
        found = replace(found, confidence=min(found.confidence, 0.6))
    return found


def _with_shared_unit(prices: list[_Amount]) -> list[_Amount]:
    """A unit after the second of two stands for both: `$1.2 - $1.3M`."""
    if len(prices) == 2:
        first, second = prices
        if not first.unit and second.unit and first.value < 1_000:
            prices = [replace(first, unit=second.unit), second]
    return [
        # The $800s and the mid 700s are thousands: no home is in the hundreds.
        replace(amount, unit="k")
        if amount.is_plural and not amount.unit and 100 <= amount.value < 1_000
        else amount
        for amount in prices
    ]


def _is_plausible(amount: _Amount) -> bool:
    return _LEAST <= amount.dollars <= _MOST and not _PLACEHOLDER.fullmatch(
        str(amount.dollars)
    )


def _is_not_price(masked: str, amount: _Amount) -> bool:
    before = masked[: amount.start]
    return bool(
        words.NOT_PRICE_BEFORE.search(before)
        or words.UNIT_AFTER.match(masked, amount.end)
    )


def _is_range(masked: str, amounts: list[_Amount]) -> bool:
    first, second = amounts
    between = masked[first.end : second.start]
    if words.BETWEEN.fullmatch(between):
        return True
    is_said = re.search(r"\bbetween\s*$", masked[: first.start]) is not None
    return is_said and words.AND.fullmatch(between) is not None


def _two(masked: str, prices: list[_Amount], has_other_words: bool) -> PriceText:
    low, high = prices[0].dollars, prices[1].dollars
    if not _is_range(masked, prices) or low > high or high > 10 * low:
        return _UNREADABLE
    if any(amount.is_vague or amount.is_plural for amount in prices):
        if prices[1].is_plural:
            return PriceText(low, high + prices[1].step, "around", 0.4)
        return PriceText(None, None, "around", 0.3)
    confidence = 0.7 if has_other_words or high > 2 * low else 0.9
    if low == high:
        return PriceText(low, high, "exact", min(confidence, 0.8))
    return PriceText(low, high, "range", confidence)


def _is_from(masked: str, amount: _Amount) -> bool:
    before = masked[: amount.start]
    return bool(
        words.FROM_BEFORE.search(before) or words.FROM_AFTER.match(masked, amount.end)
    )


def _one(masked: str, amount: _Amount, has_other_words: bool) -> PriceText:
    before, low = masked[: amount.start], amount.dollars
    if words.GST_AFTER.match(masked, amount.end):
        return PriceText(low, None, "from", 0.5)
    if _is_from(masked, amount):
        is_open = amount.is_vague and not amount.is_plural
        return PriceText(low, None, "from", 0.4 if is_open else 0.8)
    if words.UP_TO_BEFORE.search(before):
        top = low + amount.step if amount.is_plural else low
        return PriceText(None, top, "up_to", 0.8)
    if amount.is_plural:
        return PriceText(low, low + amount.step, "around", 0.5)
    if amount.is_vague:
        return PriceText(None, None, "around", 0.3)
    is_bid_for = words.AUCTION.search(masked) or words.OFFERS.search(masked)
    if (
        is_bid_for
        or words.AROUND_BEFORE.search(before)
        or words.AROUND_AFTER.match(masked, amount.end)
    ):
        return PriceText(low, low, "around", 0.5)
    return PriceText(low, low, "exact", 0.6 if has_other_words else 1.0)
