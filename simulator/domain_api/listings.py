"""Single listings: what was advertised for one sale, by whom, and how it went.

Each is a pure function of the seed, the home and the week its sale falls due. The
market says what was sold, when and for how much; here is what an agency made of it:
the sale's own listing, perhaps an earlier attempt that was withdrawn, perhaps a second
agency's listing of the same home. Elsewhere: words (`wording`), JSON (`*_answers`).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from simulator.domain_api.clock import local_second
from simulator.homes import Home
from simulator.market import Sale

Stage = Literal[
    "listed",
    "price",
    "offer",
    "sold",
    "sold_price",
    "recorded",
    "withdrawn",
    "archived",
]
Method = Literal["auction", "privateTreaty", "expressionOfInterest"]
Place = Literal["exact", "suburb", "none"]

DAY: Final = 86_400
LATEST_LODGED_DAYS: Final = 110
"""A sale lodged later than this (late papers, off the plan) was never advertised."""

LONGEST_CAMPAIGN_DAYS: Final = 60
LONGEST_EARLIER_DAYS: Final = 56
VARIANTS: Final = 4
SALE, EARLIER, SECOND_AGENCY = range(3)

_LETTERS: Final = "ABCDEFGHIJKLMNPQRSTUVWXYZ"
_FRESH_SECONDS: Final = 7 * DAY
_RECENT_SECONDS: Final = 3 * DAY


@dataclass(frozen=True, slots=True)
class Listing:
    """One advertisement. Seconds are since 1970, UTC; prices AUD.

    `guide` is the price in the agency's mind, which price filters go by; `forms` the
    two forms of price text, before and after the price change. `reported_aud` is what
    the agency says it sold for (0: never said), `recorded_aud` what the government
    has; `is_price_shown` whether the agency lets its figure be served. It is
    public from `listed`, sold from `sold_second`, in no search from `gone_second` on.
    """

    id: int
    home: Home
    variant: int
    property_type: str
    method: Method
    agency: int
    guide: int
    forms: tuple[int, int]
    events: tuple[tuple[int, Stage], ...]
    contract_date: date
    auction_second: int
    reported_aud: int
    recorded_aud: int
    is_price_shown: bool
    property_id: str
    is_address_shown: bool
    place: Place
    project: int
    luck: int
    listed: int = field(init=False)
    sold_second: float = field(init=False)
    gone_second: float = field(init=False)

    def __post_init__(self) -> None:
        sold = self.at("sold")
        ends = (self.at("withdrawn"), self.at("archived"))
        gone = min((end for end in ends if end is not None), default=math.inf)
        object.__setattr__(self, "listed", self.events[0][0])
        object.__setattr__(self, "sold_second", math.inf if sold is None else sold)
        object.__setattr__(self, "gone_second", gone)

    def at(self, stage: Stage) -> int | None:
        """When a stage was, or will be, reached."""
        return next((when for when, what in self.events if what == stage), None)

    def reached(self, stage: Stage, now: float) -> bool:
        """Whether a stage has been reached by `now`."""
        return any(what == stage and when <= now for when, what in self.events)

    def updated(self, now: float) -> int:
        """When it was last changed, as of `now`."""
        for when, _ in reversed(self.events):
            if when <= now:
                return when
        return self.listed

    def shelf(self, now: float) -> Literal["", "Sale", "Sold"]:
        """Which searches find it at `now`; empty before and after its time."""
        if not self.listed <= now < self.gone_second:
            return ""
        return "Sale" if now < self.sold_second else "Sold"

    def status(self, now: float) -> str:
        """The status word of the listing's details."""
        status = "live"
        for when, what in self.events:
            if when > now:
                break
            if what == "listed":
                status = "new" if now - when < _FRESH_SECONDS else "live"
            elif what == "price":
                status = "recentlyUpdated" if now - when < _RECENT_SECONDS else "live"
            elif what == "offer":
                status = "underOffer"
            elif what == "sold":
                status = "sold"
            elif what in ("withdrawn", "archived"):
                status = "archived"
        return status

    def form(self, now: float) -> int:
        """Number of the price text's form at `now`."""
        return self.forms[1 if self.reached("price", now) else 0]


def listings_of(
    sale: Sale, base_id: int, stride: int, published: date, seed: int, sold_days: int
) -> tuple[Listing, ...]:
    """All listings there are of one sale; empty if it was not advertised.

    Listing ids are `base_id + variant * stride`; `published` is the day the
    government's record of the sale comes out.
    """
    home = sale.home
    if home.kind == "business" or sale.off_the_plan:
        return ()
    if not 0 <= (published - sale.contract_date).days <= LATEST_LODGED_DAYS:
        return ()
    luck = random.Random(f"{seed}:listing:{home.number}:{sale.slot.due_week}")
    main = _sold_listing(sale, base_id, published, luck, sold_days)
    found = [main]
    if luck.random() < 0.12:
        found.append(_earlier(main, base_id + EARLIER * stride, luck))
    if luck.random() < 0.03:
        found.append(_second_agency(main, base_id + SECOND_AGENCY * stride, luck))
    return tuple(found)


def _sold_listing(
    sale: Sale, number: int, published: date, luck: random.Random, sold_days: int
) -> Listing:
    home, signed = sale.home, _working_second(sale.contract_date, luck)
    campaign = luck.choice((7, 14, 21, 24, 28, 28, 31, 35, 42, LONGEST_CAMPAIGN_DAYS))
    listed = signed - campaign * DAY + luck.randrange(-3600, 3600)
    method, auction = _method(sale.contract_date, campaign, luck)
    events: list[tuple[int, Stage]] = [(listed, "listed")]
    if campaign >= 14 and luck.random() < 0.4:
        events.append((listed + int(campaign * DAY * luck.uniform(0.4, 0.7)), "price"))
    if auction == 0 and luck.random() < 0.7:
        events.append((signed - luck.randrange(1, 4) * DAY // 2, "offer"))
    sold = signed + luck.randrange(600, 2 * DAY)
    events.append((sold, "sold"))
    told = luck.random()  # at once, later, never
    if 0.55 <= told < 0.85:
        events.append((sold + luck.randrange(3 * DAY, 20 * DAY), "sold_price"))
    recorded = datetime.combine(published, time(13, luck.randrange(60)))
    events.append((local_second(recorded), "recorded"))
    events.append((sold + sold_days * DAY, "archived"))
    reported = sale.price_aud
    if luck.random() < 0.10:  # agents round, and remember the asking price
        reported = round(reported * luck.uniform(0.98, 1.02) / 1000) * 1000
    return Listing(
        id=number,
        home=home,
        variant=SALE,
        property_type=_property_type(home, luck),
        method=method,
        agency=luck.randrange(6),
        guide=_rounded(sale.price_aud * luck.uniform(0.92, 1.04)),
        forms=(luck.randrange(10), luck.randrange(10)),
        events=tuple(sorted(events)),
        contract_date=sale.contract_date,
        auction_second=auction,
        reported_aud=0 if told >= 0.85 else reported,
        recorded_aud=sale.price_aud,
        is_price_shown=luck.random() >= 0.12,
        property_id="" if luck.random() < 0.05 else property_id(home.number),
        is_address_shown=luck.random() >= 0.06,
        place=luck.choices(("exact", "suburb", "none"), (92, 5, 3))[0],
        project=_project(home),
        luck=luck.getrandbits(40),
    )


def _earlier(main: Listing, number: int, luck: random.Random) -> Listing:
    """The attempt before, withdrawn up to three weeks before the main one began."""
    withdrawn = main.listed - luck.randrange(1 * DAY, 21 * DAY)
    listed = withdrawn - luck.randrange(14 * DAY, 35 * DAY)
    return _variant(
        main,
        number,
        EARLIER,
        luck,
        events=((listed, "listed"), (withdrawn, "withdrawn")),
        guide=_rounded(main.guide * luck.uniform(1.02, 1.10)),
    )


def _second_agency(main: Listing, number: int, luck: random.Random) -> Listing:
    """Another agency's listing of the same home: withdrawn, or sold, with the first."""
    sold = main.at("sold") or main.listed
    listed = min(main.listed + luck.randrange(3 * DAY), sold - DAY)
    ending: tuple[tuple[int, Stage], ...] = ((sold + 3600, "withdrawn"),)
    if luck.random() < 0.5:
        ending = ((sold + 7200, "sold"), (main.at("archived") or sold, "archived"))
    return _variant(
        main,
        number,
        SECOND_AGENCY,
        luck,
        events=((listed, "listed"), *ending),
        guide=main.guide,
    )


def _variant(
    main: Listing,
    number: int,
    variant: int,
    luck: random.Random,
    *,
    events: tuple[tuple[int, Stage], ...],
    guide: int,
) -> Listing:
    return Listing(
        id=number,
        home=main.home,
        variant=variant,
        property_type=main.property_type,
        method="privateTreaty",
        agency=(main.agency + luck.randrange(1, 6)) % 6,
        guide=guide,
        forms=(luck.randrange(10), luck.randrange(10)),
        events=events,
        contract_date=main.contract_date,
        auction_second=0,
        reported_aud=main.reported_aud if luck.random() < 0.8 else 0,
        recorded_aud=main.recorded_aud,
        is_price_shown=main.is_price_shown,
        property_id="" if luck.random() < 0.05 else property_id(main.home.number),
        is_address_shown=main.is_address_shown,
        place=main.place,
        project=0,
        luck=luck.getrandbits(40),
    )


def property_id(number: int) -> str:
    """The id of home `number`, `AB-1234-CD` style; the same however often it sells."""
    first, rest = divmod(number, 10_000)
    pairs = [_LETTERS[first // 25**power % 25] for power in (0, 1, 2)]
    check = _LETTERS[(number * 2_654_435_761 + 97) % (1 << 32) % 25]
    return f"{pairs[0]}{pairs[1]}-{rest:04d}-{pairs[2]}{check}"


def home_of_property(text: str) -> int | None:
    """The home number in a property id; None for what is none."""
    head, _, rest = text.upper().partition("-")
    digits, _, tail = rest.partition("-")
    if len(head) != 2 or len(tail) != 2 or len(digits) != 4 or not digits.isdecimal():
        return None
    places = [_LETTERS.find(letter) for letter in (*head, tail[0])]
    first = places[0] + 25 * places[1] + 625 * places[2]
    number = first * 10_000 + int(digits)
    return number if min(places) >= 0 and property_id(number) == text.upper() else None


def _project(home: Home) -> int:
    """Number of the project a home belongs to: every seventh block's units, else 0."""
    is_part = home.kind == "unit" and home.parcel % 7 == 3
    return 400_000 + home.locality.number if is_part else 0


def _property_type(home: Home, luck: random.Random) -> str:
    if home.kind == "land":
        return "VacantLand"
    if home.kind == "townhouse":
        return luck.choice(("Townhouse", "Townhouse", "Villa"))
    if home.kind == "unit":
        few = home.bedrooms == 1 and luck.random() < 0.15
        return "Studio" if few else "ApartmentUnitFlat"
    if home.land_m2 > 8_000:
        return luck.choice(("AcreageSemiRural", "Rural"))
    return luck.choices(("House", "SemiDetached", "Duplex", "Terrace"), (92, 4, 3, 1))[
        0
    ]


def _method(signed: date, campaign: int, luck: random.Random) -> tuple[Method, int]:
    """How it is sold, and the auction's moment (0 without one)."""
    days_on = (5 - signed.weekday()) % 7
    if campaign >= 21 and luck.random() < (0.12 if days_on else 0.65):
        saturday = signed + timedelta(days=days_on)
        # Some are passed in a week before, and sold by talking.
        if luck.random() < (0.55 if days_on else 0.15):
            saturday -= timedelta(days=7)
        hour = time(luck.randrange(9, 15), luck.choice((0, 0, 30)))
        return "auction", local_second(datetime.combine(saturday, hour))
    return ("expressionOfInterest" if luck.random() < 0.03 else "privateTreaty"), 0


def _working_second(day: date, luck: random.Random) -> int:
    moment = time(luck.randrange(9, 18), luck.randrange(60), luck.randrange(60))
    return local_second(datetime.combine(day, moment))


def _rounded(price: float) -> int:
    step = 5_000 if price < 1_500_000 else 25_000
    return max(step, round(price / step) * step)
