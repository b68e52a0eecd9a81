"""The vocabulary of price texts: what stands around, beside and instead of amounts.

Belongs here: patterns, each with what it stands for. All expect the plain form of a
text (lower case, one kind of dash and quote, single spaces). Elsewhere: how they are
put together (`price_text`).
"""

from __future__ import annotations

import re
from typing import Final

_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)

_MEASURE: Final = (
    r"sqm|sq\.? ?m(?:et\w+)?|m2|m\^2|square\w*|ha|hectares?|acres?|ac|km|kms|"
    r"met(?:re|er)s?|min(?:ute)?s?|hours?|days?|weeks?|months?|years?|yrs?"
)
_COUNTED: Final = (
    r"bed\w*|br|bath\w*|cars?|garages?|units?|lots?|homes?|stor(?:ey|y|ies)\w*|levels?"
)

#: Numbers that are no money: they are blanked out before amounts are looked for.
NO_MONEY: Final = tuple(
    re.compile(pattern)
    for pattern in (
        # Addresses of the net, and telephone numbers of all Australian forms.
        r"\S+@\S+|\b(?:https?://|www\.)\S+",
        r"(?<![\d$.,])\+?61[ -]?\(?0?\)?[2-478](?:[ -]?\d){8}(?!\d)",
        r"(?<![\d$.,])\(?0[2-478]\)?(?:[ -]?\d){8}(?![\d,])",
        r"(?<![\d$.,])1[38]00(?:[ -]?\d){6}(?![\d,])",
        r"(?<![\d$.,])13[ -]\d{2}[ -]\d{2}(?![\d,])",
        r"(?<![\d$.,])\d{4}[ -]\d{4}(?![\d,])",
        # Days and times.
        r"(?<![\d$.,])\d{4}-\d{1,2}-\d{1,2}\b",
        r"(?<![\d$.,/])\d{1,2}[/.]\d{1,2}[/.](?:\d{4}|\d{2})(?![\d,])",
        r"(?<![\d$.,/])\d{1,2}/\d{1,2}(?![\d,/.]|\s*(?:k|m|mil|acre)\b)",
        rf"(?<![\d$.,])\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? ?20\d\d\b)?",
        rf"\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? 20\d\d\b)?(?![,\d])",
        rf"\b{_MONTH} ?(?:20\d\d|'\d\d)\b",
        r"(?<![\d$.,])\d{1,2}(?:st|nd|rd|th)\b",
        r"(?<![\d$.,])\d{1,2}(?:[:.]\d{2})? ?(?:am|pm|a\.m\.?|p\.m\.?|noon)(?![a-z])",
        r"(?<![\d$.,])\d{1,2}:\d{2}\b",
        # Sizes, counts, shares, places.
        rf"(?<![\d$.,])\d[\d,. ]*(?:/\d+)? ?(?:{_MEASURE})\b",
        rf"(?<![\d$.,])\d+(?:\.\d+)?[ -]?(?:x ?)?(?:{_COUNTED})\b",
        r"\d+(?:\.\d+)? ?(?:%|per ?cent)",
        r"\b(?:lot|unit|stage|apt|apartment|no|ref|id|level|postcode)\.?[ :#]*\d+\w*",
    )
)

RENT_AFTER: Final = re.compile(
    r"\s*(?:(?:/|per|a|each)\s*(?P<word>week|wk|w|month|mth|annum|year)\b"
    r"|(?P<short>p\.?\s?w\.?|p\.?\s?c\.?\s?m\.?|p\.?\s?a\.?|weekly|wkly|monthly)"
    r"(?![a-z]))"
)
#: Words of rent without an amount beside them.
RENT: Final = re.compile(
    r"\b(?:p\.?w\.?|pcm|per (?:week|month)|weekly)(?![a-z])|/ ?w(?:ee)?k\b"
)
WITHHELD: Final = re.compile(
    r"withh[eo]ld|undisclosed|(?:not|non)[ -]disclosed|suppress|confidential"
)
SOLD: Final = re.compile(
    r"(?<!\bbe )(?<!\bbeing )(?<!\bnot )(?<!\bunless )(?<!\bif )(?<!\bor )"
    r"\b(?:sold|leased)\b"
)
UNDER_OFFER: Final = re.compile(r"\bunder (?:offer|contract)\b|\bdeposit taken\b")
AUCTION: Final = re.compile(r"\bauction")
OFFERS: Final = re.compile(
    r"\btender\b|\bexpressions? of interest\b|\be\.?o\.?i\b|"
    r"\b(?:all|submit|make|present|best|considering|inviting) (?:an |all |your )?"
    r"(?:written )?offers?\b|\boffers? (?:invited|considered|welcome)"
)
CONTACT: Final = re.compile(
    r"\b(?:contact|call|phone|enquire|inquire|p\.?o\.?a\b|price on|ask agent|"
    r"by neg|negotiable|just listed|new listing|coming soon|tba|tbc|n/a|"
    r"price (?:guide )?(?:available|upon|tba|tbc)|to be (?:advised|announced))"
)

_GAP: Final = r"(?:[\s:\-~]|\b(?:the|only|just|of|at|a|around|price|price guide)\b)*$"
#: Directly before an amount.
FROM_BEFORE: Final = re.compile(
    r"(?:\b(?:over|above|from|exceeding|excess of|excess|more than|north of|at least|"
    r"min|minimum|starting|starts|starting at|starts at|o/o|oo|oieo|reserve|"
    r"plus)|>)" + _GAP
)
UP_TO_BEFORE: Final = re.compile(
    r"(?:\b(?:up to|under|below|less than|max|maximum|no more than)|<)" + _GAP
)
AROUND_BEFORE: Final = re.compile(
    r"(?:\b(?:around|about|approx\w*\.?|circa|c\.|ca\.?|guide|guiding|guided|"
    r"neg\w*|expect\w*|indicat\w+|region|vicinity|near|close to|estimate\w*|"
    r"mid|quoting|quote|feedback)|~)" + _GAP
)
#: Directly after an amount.
FROM_AFTER: Final = re.compile(
    r"\s*(?:\+|plus\b|(?:and|&|or) (?:above|over|more|up)\b|upwards?\b|onwards?\b|"
    r"min(?:imum)?\b|starting\b)"
)
AROUND_AFTER: Final = re.compile(
    r"\s*\(?(?:o\.?n\.?o\.?|obo|or (?:near|best|nearest)|neg\w*|approx\w*|guide|ish\b|"
    r"price guide|expected|considered)"
)
UNIT_AFTER: Final = re.compile(r"\s*(?:per|/)\s*(?:sqm|sq|m2|square|acre|ha|hect|lot)")
GST_AFTER: Final = re.compile(r"\s*(?:\+|plus|ex(?:cl\w*)?\.?)\s*gst\b")
BETWEEN: Final = re.compile(
    r"\s*(?:price|range|guide)?\s*(?:-+|to|through|up to|~|to the|- the)\s*"
)
AND: Final = re.compile(r"\s*(?:and|&)\s*")
#: Amounts in such texts may be anything but the price.
DISTRACTING: Final = re.compile(
    r"\b(?:grant|rebate|cash ?back|bonus|discount\w*|sav(?:e|ing)s?|was|previously|"
    r"slashed|dropped|down from|(?:reduced|reduction) (?:from|by|of)|below valuation|"
    r"valued|fhog|voucher|% deposit)\b|\bdeposit(?! taken)"
)
#: An amount after one of these is not the price.
NOT_PRICE_BEFORE: Final = re.compile(
    r"\b(?:income|returns?|returning|yield\w*|rates|strata|lev(?:y|ies)|turnover|"
    r"rent(?:al|ed|s)?|renting|leased|duty|body corp\w*|fees?|repayments?|outgoings|"
    r"bond|spent|worth|land tax)\b[^$\d]{0,16}$"
)
#: Words that do not make an amount doubtful.
KNOWN: Final = re.compile(
    r"[^a-z]|\b(?:offers?|over|above|from|for|sale|price|priced|guide|asking|fixed|set|"
    r"now|only|just|reduced|to|the|at|of|in|excess|and|between|range|aud|neg|"
    r"negotiable|o\.?n\.?o|or|near|nearest|best|offer|new|plus|buyers?|expressions?|"
    r"interest|auction|sold|by|private|treaty|agent|contact|call|around|about|circa|"
    r"approx|starting|bids?|bidding|house|land|package|inc|incl|gst|up|under|below|"
    r"contract|high|low|mid|early|late|upper|lower)\b"
)
