"""Plain words out of the text of an address.

Belongs here: case, spaces, quotes, dashes and accents, the same for every part. What
the words mean is read in `domain.street_names`, `domain.house_numbers` and
`domain.unit_numbers`.
"""

from __future__ import annotations

import re
import unicodedata

#: Memoised texts of one reader. A market has some 40,000 streets.
CACHE = 1 << 17

_DROPPED = str.maketrans("", "", "'\u2018\u2019\u02bc`\u00b4\".*")
_DASHES = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
)
_SPACE_LIKE = re.compile(r"[\s,\-;:|]+")
_PARTICLES = frozenset({"O", "MC", "MAC"})
_ELIDED = frozenset({"D", "L"})


def upper(text: str) -> str:
    """Upper case with plain dashes, no accents, single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(_DASHES))
        text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(text.upper().split())


def clean(text: str) -> str:
    """Upper case, single spaces, no quotes or dots."""
    return " ".join(upper(text).translate(_DROPPED).split())


def words_of(text: str) -> list[str]:
    """Words of a name: `O'Connell-Smith` -> `OCONNELL`, `SMITH`."""
    plain = upper(text).translate(_DROPPED)
    return [word for word in _SPACE_LIKE.split(plain) if word]


def joined_particles(words: list[str]) -> list[str]:
    """`O CONNELL`, `MC DONALD`, `D ARCY` as one word, as if an apostrophe were there.

    The last word never joins: `O ST` and `MC RD` are streets of one letter.
    """
    if not any(word in _PARTICLES or word in _ELIDED for word in words[:-1]):
        return words
    joined: list[str] = []
    for at, word in enumerate(words):
        before = joined[-1] if joined else ""
        is_name = len(word) > 2 and word.isalpha() and at < len(words)
        if (before in _PARTICLES and is_name) or (
            before in _ELIDED and is_name and word[0] in "AEIOUH"
        ):
            joined[-1] = before + word
        else:
            joined.append(word)
    return joined


def title(text: str) -> str:
    """Capitals for display: `GEORGE STREET` -> `George Street`."""
    return " ".join(word.capitalize() for word in text.split())
