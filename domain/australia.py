"""Australian patterns: states, postcodes, coordinates, lots and plans, ABNs, phones.

Belongs here: what a value of each kind must look like, its one normal form, and the
rule that a wrong one breaks. What a broken rule does to a record (refuse it, drop the
value, leave a note) is the connector's or the mapping's word.

Readers return the normal form, or None for what cannot be read. Checks return a
`Finding`, or None for what is right.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule. `reason` is a clause, to stand before a full stop.

    `is_certain` False: odd, but true of some real addresses; worth a note, no reject.
    """

    rule_id: str
    reason: str
    is_certain: bool = True


# States -------------------------------------------------------------------------------

STATE_NAMES = {
    "NSW": "New South Wales",
    "VIC": "Victoria",
    "QLD": "Queensland",
    "SA": "South Australia",
    "WA": "Western Australia",
    "TAS": "Tasmania",
    "NT": "Northern Territory",
    "ACT": "Australian Capital Territory",
}
STATES = tuple(STATE_NAMES)
_STATES_BY_TEXT = {
    **{code.casefold(): code for code in STATES},
    **{name.casefold(): code for code, name in STATE_NAMES.items()},
    "n s w": "NSW",
    "vict": "VIC",
    "q": "QLD",
    "queensland qld": "QLD",
    "s a": "SA",
    "sth aust": "SA",
    "south aust": "SA",
    "w a": "WA",
    "west aust": "WA",
    "west australia": "WA",
    "tassie": "TAS",
    "n t": "NT",
    "a c t": "ACT",
    "aust capital territory": "ACT",
}


@lru_cache(1024)
def state_code(text: str) -> str | None:
    """Code of a state or territory in any case: `vic`, `Vic.`, `N.S.W.`, full names."""
    words = " ".join(text.replace(".", " ").split()).casefold()
    return _STATES_BY_TEXT.get(words) or _STATES_BY_TEXT.get(words.replace(" ", ""))


# Postcodes ----------------------------------------------------------------------------

#: First and last postcode of each range and whose it is, in order. Delivery areas, PO
#: boxes and large-volume receivers alike. Gaps belong to nobody.
POSTCODE_RANGES = (
    (200, 299, "ACT"),
    (800, 999, "NT"),
    (1000, 2599, "NSW"),
    (2600, 2618, "ACT"),
    (2619, 2899, "NSW"),
    (2900, 2920, "ACT"),
    (2921, 2999, "NSW"),
    (3000, 3999, "VIC"),
    (4000, 4999, "QLD"),
    (5000, 5999, "SA"),
    (6000, 6999, "WA"),
    (7000, 7999, "TAS"),
    (8000, 8999, "VIC"),
    (9000, 9999, "QLD"),
)
_RANGE_STARTS = [first for first, _, _ in POSTCODE_RANGES]
#: Localities served from across a border: (postcode, the state they lie in). Jervis Bay
#: is ACT for the post; 0872 serves the deserts of three states.
BORDER_POSTCODES = frozenset(
    {
        ("0872", "SA"),
        ("0872", "WA"),
        ("2540", "ACT"),
        ("2611", "NSW"),
        ("2618", "NSW"),
        ("2620", "ACT"),
        ("3500", "NSW"),
        ("3586", "NSW"),
        ("3644", "NSW"),
        ("3691", "NSW"),
        ("3707", "NSW"),
        ("4375", "NSW"),
        ("4377", "NSW"),
        ("4380", "NSW"),
        ("4383", "NSW"),
        ("4385", "NSW"),
        ("4825", "NT"),
    }
)
_POSTCODE = re.compile(r"[0-9]{3,4}")


@lru_cache(8192)
def postcode_text(text: str) -> str | None:
    """Four digits, as text: `800` and `800.0` are `0800`."""
    digits = text.strip().removesuffix(".0")
    return digits.zfill(4) if _POSTCODE.fullmatch(digits) else None


@lru_cache(8192)
def postcode_state(postcode: str) -> str | None:
    """Whose range a postcode (four digits) lies in; None for a gap or no postcode."""
    if not re.fullmatch(r"[0-9]{4}", postcode):
        return None
    number = int(postcode)
    at = bisect_right(_RANGE_STARTS, number) - 1
    if at < 0 or number > POSTCODE_RANGES[at][1]:
        return None
    return POSTCODE_RANGES[at][2]


@lru_cache(8192)
def check_postcode(postcode: str, state: str | None = None) -> Finding | None:
    """Judge a postcode as text, alone or against a state's code.

    A known border postcode is odd, not wrong.
    """
    if not re.fullmatch(r"[0-9]{4}", postcode):
        return Finding("postcode_unreadable", f"{postcode[:20]!r} is no postcode")
    owner = postcode_state(postcode)
    if owner is None:
        return Finding("postcode_unknown", f"no state has the postcode {postcode}")
    if state is None or state == owner:
        return None
    if (postcode, state) in BORDER_POSTCODES:
        return Finding(
            "postcode_across_border",
            f"{postcode} is a postcode of {owner} that serves places in {state} too",
            is_certain=False,
        )
    return Finding(
        "postcode_not_of_state", f"{postcode} is a postcode of {owner}, not of {state}"
    )


# Coordinates --------------------------------------------------------------------------

#: South, north, west, east in degrees. External territories that have addresses
#: (Norfolk, Christmas and Cocos Islands) are in, as is Macquarie Island, a part of
#: Tasmania with a postcode; the Antarctic Territory and Heard Island are out.
_BOXES = {
    "mainland and Tasmania": (-43.75, -9.0, 112.9, 153.7),
    "Lord Howe Island": (-31.9, -31.4, 158.9, 159.4),
    "Norfolk Island": (-29.2, -28.9, 167.8, 168.1),
    "Christmas Island": (-10.7, -10.3, 105.5, 105.8),
    "Cocos (Keeling) Islands": (-12.3, -11.7, 96.7, 97.0),
    "Macquarie Island": (-54.9, -54.3, 158.6, 159.1),
}


def is_in_australia(latitude: float, longitude: float) -> bool:
    """Whether degrees (WGS84 or GDA, the difference does not matter) lie in a box."""
    return any(
        south <= latitude <= north and west <= longitude <= east
        for south, north, west, east in _BOXES.values()
    )


def check_coordinates(latitude: float, longitude: float) -> Finding | None:
    """Judge a point in decimal degrees. NaN lies nowhere."""
    if is_in_australia(latitude, longitude):
        return None
    place = f"{latitude:g}, {longitude:g}"
    if latitude == 0 and longitude == 0:
        return Finding("coordinates_zero", "0, 0 stands for no coordinates")
    if is_in_australia(longitude, latitude):
        return Finding("coordinates_swapped", f"{place} is longitude before latitude")
    if is_in_australia(-latitude, longitude):
        return Finding(
            "latitude_positive", f"{place} lacks the minus sign of a southern latitude"
        )
    return Finding("coordinates_outside", f"{place} lies outside Australia")


# Lots and plans -----------------------------------------------------------------------

#: Kinds of plan that precede a number: deposited, strata, lodged, plan of subdivision,
#: registered, title, consolidation, group title, community, building unit, crown.
PLAN_KINDS = (
    "DP",
    "SP",
    "LP",
    "PS",
    "RP",
    "TP",
    "CP",
    "PC",
    "GTP",
    "BUP",
    "CS",
    "RS",
    "PP",
    "FP",
    "D",
    "F",
    "P",
)
_KIND = "|".join(sorted(PLAN_KINDS, key=len, reverse=True))
_PLAN = re.compile(rf"({_KIND})?\s*([0-9]{{1,8}})([A-Z])?")
_LOT = re.compile(r"(?:PT\s*)?([A-Z]{0,3}[0-9]{0,6}[A-Z]{0,3})")
_WORDED = re.compile(
    r"(?:LOT|L)\s*(?P<lot>[A-Z0-9]{1,9})"
    r"(?:[\s,]*(?:SEC(?:TION)?\.?)\s*(?P<section>[A-Z0-9]{1,5}))?"
    r"[\s,]*(?:(?:ON|OF|IN)\s+)?(?:PLAN\s*(?:NO\.?\s*)?)?"
    rf"(?P<plan>(?:{_KIND})?\.?\s*[0-9]{{1,8}}[A-Z]?)"
)
_JOINED = re.compile(rf"(?P<lot>[A-Z]?[0-9]{{1,6}})(?P<plan>(?:{_KIND})[0-9]{{1,8}})")


@dataclass(frozen=True, slots=True)
class LotPlan:
    """A parcel of land as its plan names it. `section` and `lot` may be absent (None).

    A lot of None is the whole plan or its common property (`//SP57860`, `CP/SP57860`).
    """

    lot: str | None
    section: str | None
    kind: str
    number: str

    @property
    def text(self) -> str:
        """The normal form, `lot/section/plan`: `1//DP838891`."""
        return f"{self.lot or ''}/{self.section or ''}/{self.kind}{self.number}"


def parse_lot_plan(text: str, kind: str = "DP") -> LotPlan | None:
    """Read one parcel of land; None for anything else, several parcels included.

    Forms: `1/838891`, `12/SP57860`, `15/11/1996`, `1//DP838891`, `Lot 3 on PS 401234V`,
    `12RP45678`. `kind` is of plans whose kind is not written: DP in New South Wales.
    """
    plain = " ".join(text.upper().replace("\\", "/").split())
    if found := _WORDED.fullmatch(plain) or _JOINED.fullmatch(plain):
        parts = found.groupdict()
        return _lot_plan(parts["lot"], parts.get("section"), parts["plan"], kind)
    pieces = [piece.strip() for piece in plain.split("/")]
    if len(pieces) == 2:
        return _lot_plan(pieces[0], None, pieces[1], kind)
    if len(pieces) == 3:
        return _lot_plan(pieces[0], pieces[1] or None, pieces[2], kind)
    return None


def _lot_plan(
    lot: str, section: str | None, plan: str, default_kind: str
) -> LotPlan | None:
    found = _PLAN.fullmatch(plan.replace(".", ""))
    named = _LOT.fullmatch(lot)
    if found is None or named is None:
        return None
    if section is not None and not re.fullmatch(r"[A-Z0-9]{1,5}", section):
        return None
    number = found[2].lstrip("0")
    if not number:
        return None
    # The common property of a scheme is no lot of it.
    name = None if named[1] in ("", "CP") else named[1]
    return LotPlan(name, section, found[1] or default_kind, number + (found[3] or ""))


# Business numbers ---------------------------------------------------------------------

_ABN_WEIGHTS = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)


def abn_text(text: str) -> str | None:
    """Eleven digits of an Australian Business Number; blanks and dashes do not matter.

    Only the form is read here; `check_abn` judges the check digits.
    """
    digits = re.sub(r"[\s-]", "", text)
    return digits if re.fullmatch(r"[0-9]{11}", digits) else None


def check_abn(text: str) -> Finding | None:
    """Judge an ABN by its form and its check digits (weighted sum modulo 89)."""
    digits = abn_text(text)
    if digits is None:
        return Finding("abn_unreadable", f"{text[:30]!r} is no ABN of eleven digits")
    values = [int(digit) for digit in digits]
    values[0] -= 1
    total = sum(w * v for w, v in zip(_ABN_WEIGHTS, values, strict=True))
    if digits[0] == "0" or total % 89:
        return Finding("abn_checksum_wrong", f"the check digits of {digits} are wrong")
    return None


# Phones -------------------------------------------------------------------------------

_EXTENSION = re.compile(r"\s*(?:ext|extn|x)\.?\s*[0-9]{1,5}$", re.IGNORECASE)
_NATIONAL = re.compile(
    r"0[23478][0-9]{8}|0550[0-9]{6}"  # geographic, mobile; location independent
    r"|1[38]00[0-9]{6}|13[0-9]{4}|180[0-9]{4}"  # shared cost and free calls
)


def phone_e164(text: str) -> str | None:
    """`+61412345678` for any Australian form, `(02) 9999 9999` and `13 12 34` included.

    None for what is no whole Australian number: foreign ones, and eight digits without
    their area. An extension is left out. Service numbers (13, 1300, 1800) get +61 too,
    though they can be called from within the country only.
    """
    plain = _EXTENSION.sub("", text.strip())
    if re.search(r"[^0-9+()\s./\u2010-\u2015-]", plain):
        return None
    digits = re.sub(r"[^0-9+]", "", plain)
    if digits.startswith("0011"):
        digits = f"+{digits[4:]}"
    for prefix in ("+61", "0061"):
        if digits.startswith(prefix):
            rest = digits.removeprefix(prefix)
            # +61 (0)2 keeps the trunk zero; service numbers have none.
            digits = rest if rest[:1] in ("0", "1") else f"0{rest}"
            break
    else:
        if re.fullmatch(r"61[23478][0-9]{8}", digits):
            digits = f"0{digits[2:]}"
    if not _NATIONAL.fullmatch(digits):
        return None
    return f"+61{digits.removeprefix('0')}"


def check_phone(text: str) -> Finding | None:
    """Judge a phone number by whether it has an international form."""
    if phone_e164(text) is not None:
        return None
    return Finding(
        "phone_unreadable", f"{text[:40]!r} is no Australian phone number with its area"
    )
