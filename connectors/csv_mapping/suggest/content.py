"""What a column's values say it could be: a score from 0 to 1 and the reason.

Belongs here: one judge a canonical column. `strength` is how much values alone prove;
None says that they contradict. Names are `vocabulary`, weighing both is `proposal`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from connectors.csv_mapping.suggest.days import DateForms, date_forms, serial_forms
from connectors.csv_mapping.suggest.profile import Profile
from connectors.csv_mapping.suggest.vocabulary import DWELLING_CODES, METHOD_CODES
from domain.australia import is_in_australia, postcode_state, postcode_text, state_code

_STREETS = (
    "st|street|rd|road|ave|av|avenue|ct|court|dr|drv|drive|pl|place|cres|cr|crescent|"
    "gr|gve|grove|pde|parade|la|lane|tce|terrace|cl|close|hwy|highway|way|wy|blvd|bvd|"
    "boulevard|cct|circuit|sq|square|esp|esplanade|walk|rise|row|mews|gdns|gardens|"
    "parkway|pwy|quay|loop|track|view|grn|green|crct|strand|promenade|mall|link"
)
_ADDRESS = re.compile(
    rf"(?=.*\d).*\b[a-z']+\.? +({_STREETS})\b\.?( +[nsew]| +(north|south|east|west))?",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"((unit|u|lot|shop|apt|flat|villa)\.? ?)?\d+[a-z]?([-/ ,]+\d+[a-z]?)*,? +[a-z].*",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z][A-Za-z' .()-]{1,39}")
_COUNCIL = re.compile(r"\b(council|shire|municipal|city of)\b", re.IGNORECASE)
_REGION = re.compile(
    r"\b(metropolitan|region|regional|metro|coast|country|rural)\b", re.IGNORECASE
)
DWELLINGS = {code: kind for kind, codes in DWELLING_CODES.items() for code in codes}
METHODS = {code: kind for kind, codes in METHOD_CODES.items() for code in codes}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What values say: `strength` None contradicts, 0 says nothing, 1 proves."""

    strength: float | None
    reason: str
    dates: DateForms | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of the whole file: newest possible day; whether it has names."""

    last_day: date
    is_abroad: bool = False


Judge = Callable[[Profile, Setting], Judgement]
_NOTHING = Judgement(0.0, "")


def judge(canonical: str, profile: Profile, setting: Setting) -> Judgement:
    """What a column's values say about being a canonical one."""
    if not profile.values:
        return Judgement(0.0, "no value in the sample")
    return _JUDGES[canonical](profile, setting)


def _record_id(profile: Profile, _: Setting) -> Judgement:
    if profile.is_counter:
        return Judgement(None, "counts the rows: no name of a sale in the next file")
    if profile.distinct_share < 0.5:
        return Judgement(None, "values repeat too often")
    longest = max(map(len, profile.counts))
    if longest > 64 or (profile.whole_share < 1 and profile.is_numeric):
        return Judgement(None, "values are no ids")
    return Judgement(0.3 if profile.distinct_share > 0.95 else 0.2, "mostly distinct")


def _address(profile: Profile, _: Setting) -> Judgement:
    if profile.is_numeric:
        return Judgement(None, "numbers")
    typed = profile.share(lambda text: _ADDRESS.search(text) is not None)
    numbered = profile.share(lambda text: _NUMBERED.fullmatch(text) is not None)
    if max(typed, numbered) < 0.4:
        return Judgement(None, "few values have a number and a street")
    if typed >= 0.5:
        strength = min(0.95, 0.6 + 0.4 * typed)
        return Judgement(strength, f"{typed:.0%} of values are street addresses")
    return Judgement(0.4, f"{numbered:.0%} of values begin with a number")


def _locality(profile: Profile, _: Setting) -> Judgement:
    if profile.is_numeric:
        return Judgement(None, "numbers")
    names = profile.share(lambda text: _NAME.fullmatch(text) is not None)
    if names < 0.8:
        return Judgement(None, "values are no names of places")
    if _mapped(profile, DWELLINGS) > 0.7 or _mapped(profile, METHODS) > 0.7:
        return Judgement(None, "values are codes")
    if profile.share(lambda text: state_code(text) is not None) > 0.7:
        return Judgement(None, "values are states")
    if profile.share(lambda text: _COUNCIL.search(text) is not None) > 0.3:
        return Judgement(None, "values are councils")
    few = len(profile.counts) < min(5, len(profile.values) // 4)
    if few or _mean_length(profile) < 4:
        return Judgement(0.05, "few or short texts")
    return Judgement(0.3, f"{len(profile.counts)} names of places")


def _state(profile: Profile, _: Setting) -> Judgement:
    share = profile.share(lambda text: state_code(text) is not None)
    if share < 0.9:
        return Judgement(None, "values are no Australian states")
    return Judgement(0.9, f"{share:.0%} of values are Australian states")


def _postcode(profile: Profile, _: Setting) -> Judgement:
    if not profile.is_numeric or profile.has_currency:
        return Judgement(None, "no numbers")
    texts = profile.share(lambda text: _postcode_owner(text) is not None)
    if texts < 0.9:
        return Judgement(None, "values are no Australian postcodes")
    if profile.within(1_780, 2_035) > 0.95 and profile.quantile(0.02) > 1_780:
        return Judgement(0.05, "values could be years")
    states = states_of(profile)
    usual = max(states.values(), default=0.0)
    if usual > 0.9 and profile.distinct_share < 0.8 and profile.median >= 200:
        state = max(states, key=lambda key: states[key])
        return Judgement(0.6, f"{usual:.0%} of values are postcodes of {state}")
    return Judgement(0.2, "values could be postcodes")


def _postcode_owner(text: str) -> str | None:
    plain = postcode_text(re.sub(r"\.0+$", "", text))
    return postcode_state(plain) if plain else None


def states_of(profile: Profile) -> dict[str, float]:
    """Share of the values that are postcodes of each state."""
    shares: dict[str, float] = {}
    for text, count in profile.counts.items():
        owner = _postcode_owner(text)
        if owner:
            shares[owner] = shares.get(owner, 0.0) + count / len(profile.values)
    return shares


def _codes(known: dict[str, str], what: str) -> Judge:
    def judge_codes(profile: Profile, _: Setting) -> Judgement:
        if profile.is_numeric or len(profile.counts) > 60:
            return Judgement(None, f"values are no {what}")
        share = _mapped(profile, known)
        if share < 0.5:
            return Judgement(None, f"values are no {what}")
        single = all(len(code) == 1 for code in profile.counts)
        # h, u, t could be anything; words could not.
        strength = (
            0.8 * share if len(profile.counts) > 1 and not single else 0.55 * share
        )
        codes = ", ".join(list(profile.counts)[:6])
        return Judgement(strength, f"{share:.0%} of values are {what}: {codes}")

    return judge_codes


def _mapped(profile: Profile, known: dict[str, str]) -> float:
    return profile.share(lambda text: text.casefold() in known)


def _sale_date(profile: Profile, setting: Setting) -> Judgement:
    forms = date_forms(profile, setting.last_day)
    if forms is None:
        serial = serial_forms(profile, setting.last_day)
        if serial is not None:
            return Judgement(0.1, serial.reason, serial)
        return Judgement(None, "values are no dates")
    if forms.last is not None and forms.last.year < 1950:
        return Judgement(None, "the dates are too old for sales", forms)
    strength = 0.75 * forms.share
    reason = (
        f"{forms.share:.0%} of values are {' or '.join(forms.formats)}; {forms.reason}"
    )
    return Judgement(strength, reason, forms)


def _price(profile: Profile, _: Setting) -> Judgement:
    if not profile.is_numeric:
        return Judgement(None, "no numbers")
    middle = profile.median
    if not 10_000 <= middle <= 50_000_000 or profile.within(0, 2_000_000_000) < 0.95:
        return Judgement(None, f"the middle value {middle:,.0f} is no price of a home")
    if profile.code_share > 0.2 or profile.is_counter:
        return Judgement(None, "values are numbers of something")
    rounded = _rounded(profile)
    strength = 0.35 + 0.35 * rounded + (0.25 if profile.has_currency else 0.0)
    reason = f"the middle value is {middle:,.0f}, {rounded:.0%} are round"
    return Judgement(min(strength, 0.9), reason)


def _rounded(profile: Profile) -> float:
    return sum(number % 500 == 0 for number in profile.positive) / max(
        len(profile.positive), 1
    )


def _count(low: float, high: float, most: int) -> Judge:
    def judge_count(profile: Profile, _: Setting) -> Judgement:
        if not profile.is_numeric:
            return Judgement(None, "no numbers")
        if profile.within(0, most) < 0.97 or len(profile.counts) < 2:
            return Judgement(None, f"values go beyond 0 to {most}")
        if not low <= profile.mean <= high:
            return Judgement(0.05, f"the mean is {profile.mean:.1f}")
        quarters = sum(number * 4 % 1 == 0 for number in profile.numbers)
        if quarters < 0.98 * len(profile.numbers):
            return Judgement(None, "values are no counts")
        return Judgement(
            0.35, f"counts from 0 to {most}, {profile.mean:.1f} on average"
        )

    return judge_count


def _area(low: float, high: float, what: str) -> Judge:
    def judge_area(profile: Profile, _: Setting) -> Judgement:
        if not profile.is_numeric or profile.has_currency:
            return Judgement(None, "no numbers")
        if not profile.positive:
            return Judgement(None, "no value above 0")
        if _is_years(profile):
            return Judgement(None, "values are years")
        middle = profile.median
        if not low <= middle <= high or len(profile.counts) < 5:
            return Judgement(None, f"the middle value {middle:,.0f} is no {what}")
        spread = profile.quantile(0.95) / max(middle, 1)
        return Judgement(
            0.3 if spread > 1.3 else 0.1, f"the middle value {middle:,.0f} fits {what}"
        )

    return judge_area


def _is_years(profile: Profile) -> bool:
    filled = profile.positive
    years = sum(1_780 <= number <= 2_035 for number in filled)
    return bool(filled) and years >= 0.95 * len(filled) and profile.whole_share == 1


def _year_built(profile: Profile, setting: Setting) -> Judgement:
    if not profile.is_numeric or not _is_years(profile):
        return Judgement(None, "values are no years")
    low, high = profile.quantile(0.02), profile.quantile(0.98)
    if high > setting.last_day.year + 5:
        return Judgement(None, "values are no years a house was built")
    if high - low < 25 and low > 1_990:
        return Judgement(0.1, f"years {low:.0f} to {high:.0f}: of sales, rather")
    return Judgement(0.75, f"years {low:.0f} to {high:.0f}")


def _degrees(is_latitude: bool) -> Judge:
    low, high = (-44.0, -9.0) if is_latitude else (96.0, 168.0)
    limit = 90 if is_latitude else 180

    def judge_degrees(profile: Profile, _: Setting) -> Judgement:
        if not profile.is_numeric or profile.whole_share > 0.2:
            return Judgement(None, "no decimal degrees")
        if profile.within(low, high) > 0.9:
            return Judgement(0.85, f"degrees from {low:g} to {high:g}")
        other = (96.0, 168.0) if is_latitude else (-44.0, -9.0)
        if profile.within(*other) > 0.9:
            return Judgement(None, "these are the other coordinate's degrees")
        if profile.within(-limit, limit) < 1 or not _is_fine(profile):
            return Judgement(None, "values are no degrees")
        return Judgement(0.1, "degrees outside Australia")

    return judge_degrees


def _is_fine(profile: Profile) -> bool:
    """Many decimals, within a few degrees: a region's points."""
    numbers = sorted(number for number in profile.numbers if number)
    if not numbers:
        return False
    trimmed = numbers[len(numbers) // 50 : -(len(numbers) // 50) or None]
    decimals = profile.share(lambda text: len(text.partition(".")[2]) >= 3)
    return trimmed[-1] - trimmed[0] < 15 and decimals > 0.5


def _distance(profile: Profile, _: Setting) -> Judgement:
    if not profile.is_numeric or profile.within(0, 300) < 0.98:
        return Judgement(None, "values are no distances")
    return Judgement(0.1, "values fit kilometres")


def _text_like(pattern: re.Pattern[str], what: str) -> Judge:
    def judge_text(profile: Profile, _: Setting) -> Judgement:
        if profile.is_numeric:
            return Judgement(None, "numbers")
        share = profile.share(lambda text: pattern.search(text) is not None)
        if share > 0.5:
            return Judgement(0.7 * share, f"{share:.0%} of values name {what}")
        return _NOTHING

    return judge_text


def _agent(profile: Profile, _: Setting) -> Judgement:
    if profile.is_numeric:
        return Judgement(None, "numbers")
    return _NOTHING


def _mean_length(profile: Profile) -> float:
    return sum(map(len, profile.counts)) / max(len(profile.counts), 1)


def is_swapped(latitude: Profile, longitude: Profile) -> bool:
    """Whether most points lie in Australia only with their coordinates swapped."""
    pairs = list(zip(latitude.numbers, longitude.numbers, strict=False))[:500]
    swapped = sum(is_in_australia(y, x) for x, y in pairs)
    return swapped > 0.5 * len(pairs) > 0


_JUDGES: dict[str, Judge] = {
    "source_record_id": _record_id,
    "address": _address,
    "locality": _locality,
    "state": _state,
    "postcode": _postcode,
    "dwelling_type": _codes(DWELLINGS, "kinds of dwellings"),
    "sale_method": _codes(METHODS, "methods of sale"),
    "sale_date": _sale_date,
    "price_aud": _price,
    "bedrooms": _count(1.5, 5.5, 20),
    "bathrooms": _count(0.7, 3.5, 15),
    "car_spaces": _count(0.3, 3.5, 30),
    "land_area_m2": _area(0.01, 100_000, "an area of land"),
    "building_area_m2": _area(20, 20_000, "a floor area"),
    "year_built": _year_built,
    "latitude": _degrees(is_latitude=True),
    "longitude": _degrees(is_latitude=False),
    "distance_to_centre_km": _distance,
    "council_area": _text_like(_COUNCIL, "councils"),
    "region": _text_like(_REGION, "regions"),
    "agent": _agent,
}
