"""What makes a typed record impossible: states, postcodes, coordinates.

Belongs here: which facts of a record are checked and where its JSON has them. The rules
themselves are `domain.australia`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.domain_api.layout import Problem, Values
from domain.australia import check_coordinates, check_postcode, state_code

FIX = "Ask the advertiser to correct the listing; the next poll brings the new version."


def check_place(
    place: str,
    *,
    geo: str | None = None,
    latitude: str = "latitude",
    longitude: str = "longitude",
    state_key: str = "state",
) -> Callable[[Values], Iterator[Problem]]:
    """A check of state, postcode and coordinates.

    `place` and `geo` are the keys of the objects that hold them ("" for the record).
    Odd but possible values pass: a border town's postcode, 0/0 for no coordinates.
    """
    at = f"/{place}" if place else ""
    geo_at = at if geo is None else f"/{geo}"

    def check(values: Values) -> Iterator[Problem]:
        state = values.get("state")
        code = state_code(state) if state is not None else None
        if state is not None and code is None:
            reason = f"{state[:20]!r} is no state or territory."
            yield Problem(f"{at}/{state_key}", "state_unknown", reason, FIX)
        postcode = values.get("postcode")
        if postcode is not None:
            found = check_postcode(postcode, code)
            if found is not None and found.is_certain:
                reason = f"{found.reason}."
                yield Problem(f"{at}/postcode", found.rule_id, reason, FIX)
        lat, lon = values.get("latitude"), values.get("longitude")
        if lat is not None and lon is not None and (lat or lon):
            found = check_coordinates(lat, lon)
            if found is not None and found.is_certain:
                pointer = f"{geo_at}/{latitude}"
                yield Problem(pointer, found.rule_id, f"{found.reason}.", FIX)

    return check
