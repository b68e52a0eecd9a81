"""What makes a typed record impossible: states, postcodes, coordinates.

Belongs here: which facts of a record are checked and where its JSON has them. The rules
themselves are Australia's, not Domain's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from connectors.domain_api.layout import Problem, Values

FIX = "Ask the advertiser to correct the listing; the next poll brings the new version."
_STATES = frozenset({"ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"})
_POSTCODE = re.compile(r"\d{4}", re.ASCII)


def check_place(
    place: str,
    *,
    geo: str | None = None,
    latitude: str = "latitude",
    longitude: str = "longitude",
) -> Callable[[Values], Iterator[Problem]]:
    """A check of state, postcode and coordinates.

    `place` and `geo` are the keys of the objects that hold them ("" for the record).
    """
    at = f"/{place}" if place else ""
    geo_at = at if geo is None else f"/{geo}"

    def check(values: Values) -> Iterator[Problem]:
        state = values.get("state")
        if state is not None and state.upper() not in _STATES:
            yield Problem(f"{at}/state", "state_unknown", f"{state} is no state.", FIX)
        postcode = values.get("postcode")
        if postcode is not None and not _POSTCODE.fullmatch(postcode):
            reason = f"{postcode} is not a postcode of four digits."
            yield Problem(f"{at}/postcode", "postcode_pattern", reason, FIX)
        lat, lon = values.get("latitude"), values.get("longitude")
        if lat is not None and not -56 <= lat <= -9:
            reason = f"Latitude {lat} is not in Australia."
            yield Problem(f"{geo_at}/{latitude}", "coordinates", reason, FIX)
        if lon is not None and not 72 <= lon <= 169:
            reason = f"Longitude {lon} is not in Australia."
            yield Problem(f"{geo_at}/{longitude}", "coordinates", reason, FIX)

    return check
